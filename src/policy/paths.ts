/** Files and directories of a call, and the globs that rules name them by. */
import { readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import picomatch from 'picomatch';

/** A glob of the config. */
export interface PathGlob {
  /** For what permits: every one of the paths is in the glob, letter by letter. False for no paths. */
  coversAll(paths: readonly string[]): boolean;
  /** For what forbids: any of them is, in whatever case, also when the glob's own directory is reached by a symbolic link. */
  coversAny(paths: readonly string[]): boolean;
}

/** What a path comes to. */
export interface Located {
  /** Absolute, without `..`; several where tools read the text in several ways. */
  readonly written: readonly string[];
  /** Where the system would really go, symbolic links followed; undefined when that cannot be told. */
  readonly real: readonly string[] | undefined;
}

/** The longest path the system takes, in bytes (PATH_MAX, Linux limits.h); macOS has 1024. */
const PATH_MAX = 4096;
/** After as many symbolic links the system gives up, too (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * What must be said of a glob in the config, as the end of a sentence "Expected … to …"; undefined when it is fine.
 * A relative one is refused: it would never match, and a rule that forbids would be none.
 */
export function globProblem(glob: string): string | undefined {
  if (!/^(\/|~$|~\/|\*\*)/.test(glob)) return 'to begin with "/", "~/" or "**"';
  if (/(^|\/)\.\.?(\/|$)/.test(glob)) return 'to have no "." and ".." between its slashes';
  if (glob.includes('\\')) return 'to have no backslash';
  return undefined;
}

/** Whether a glob lets every path through. */
export function isEveryPath(glob: string): boolean {
  return /^\/?(\*\*(\/\*\*)*(\/\*)?)?\/?$/.test(glob);
}

/**
 * Compiles a glob: `*` within a name, `**` across directories, `?`, `[…]`, `{a,b}`; `~` is the home directory. Names
 * with a leading dot are as good as others. A glob without any of these also covers everything below it.
 */
export function compileGlob(glob: string, home: string): PathGlob {
  const strict = spellings(glob, home).map((each) => compileOne(each, false));
  const loose = spellings(glob, home).map((each) => compileOne(each, true));
  const viaLink = (): readonly ((path: string) => boolean)[] => {
    const real = spellings(glob, home).flatMap(realBase);
    return real.map((each) => compileOne(each, true));
  };
  return {
    coversAll: (paths) => paths.length > 0 && paths.every((path) => strict.some((covers) => covers(path))),
    coversAny: (paths) =>
      paths.some((path) => loose.some((covers) => covers(path))) ||
      viaLink().some((covers) => paths.some((path) => covers(path))),
  };
}

/** Resolves a path as the tools of agents do and as the system would. A relative `cwd` has no real path. */
export function locate(text: string, cwd: string, home: string): Located {
  const trimmed = text.trim();
  const raw = [...new Set([text, trimmed, ...(/^~(\/|$)/.test(trimmed) ? [`${home}${trimmed.slice(1)}`] : [])])];
  const absolute = raw.map((path) => (path.startsWith('/') ? path : `${cwd}/${path}`));
  const written = [...new Set(absolute.map((path) => withoutEnd(posix.resolve('/', path))))];
  // With `link/..` a tool that tidies up the text first and one that does not get to different places.
  const real = [...new Set([...absolute, ...written])].map(followed);
  const isKnown = cwd.startsWith('/') && real.every((path) => path !== undefined);
  return { written, real: isKnown ? [...new Set(real.flatMap((path) => path ?? []))] : undefined };
}

/**
 * A glob as text with an absolute home in it, and once more with the home's real path: nobody but its owner's own
 * administrator can turn that link elsewhere, and tools report either.
 */
function spellings(glob: string, home: string): readonly string[] {
  const tidy = glob.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (!/^~(\/|$)/.test(tidy)) return [tidy];
  const homes = new Set([withoutEnd(home), followed(home) ?? withoutEnd(home)]);
  return [...homes].map((each) => `${isGlob(tidy) ? escapeGlob(each) : each}${tidy.slice(1)}`);
}

function compileOne(glob: string, ignoreCase: boolean): (path: string) => boolean {
  // File systems that ignore case also take composed and decomposed letters for the same.
  const fold = (path: string): string => (ignoreCase ? path.normalize('NFC').toLowerCase() : path);
  const folded = fold(glob);
  if (!isGlob(glob)) {
    const below = folded === '/' ? '/' : `${folded}/`;
    return (path) => fold(path) === folded || fold(path).startsWith(below);
  }
  // Parentheses are for names, not for groups; the flag `s` lets `**` take in a line break in a name.
  const matches = picomatch(folded.replace(/[()|+@!$^]/g, '\\$&'), {
    dot: true,
    nonegate: true,
    noextglob: true,
    posix: true,
    flags: 's',
  });
  return (path) => matches(fold(path));
}

/** The glob with the directory before its first wildcard as the system sees it; none when that changes nothing. */
function realBase(glob: string): readonly string[] {
  const parts = glob.split('/');
  const firstWild = parts.findIndex(isGlob);
  const base = unescapeGlob((firstWild < 0 ? parts : parts.slice(0, firstWild)).join('/'));
  const real = base.startsWith('/') ? followed(base) : undefined;
  if (real === undefined || real === base) return [];
  return [firstWild < 0 ? real : [escapeGlob(real), ...parts.slice(firstWild)].join('/')];
}

function isGlob(text: string): boolean {
  return /(?<!\\)[*?[\]{}]/.test(text);
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]{}\\]/g, '\\$&');
}

function unescapeGlob(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function withoutEnd(path: string): string {
  return path.replace(/(.)\/+$/, '$1');
}

/**
 * Follows every symbolic link in an absolute path, also one that points at nothing yet: a write goes there. What does
 * not exist stands as it is. Undefined when the system would not get there, or does not let us look.
 */
function followed(path: string): string | undefined {
  if (Buffer.byteLength(path) > PATH_MAX || path.includes('\0')) return undefined;
  const todo = path.split('/').reverse();
  let at = '/';
  let links = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = posix.dirname(at);
      continue;
    }
    const next = at === '/' ? `/${name}` : `${at}/${name}`;
    const link = linkAt(next);
    if (link === 'unknown') return undefined;
    if (link.to === undefined) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    if (link.to.startsWith('/')) at = '/';
    todo.push(...link.to.split('/').reverse());
  }
  return at;
}

function linkAt(path: string): { readonly to: string | undefined } | 'unknown' {
  try {
    return { to: readlinkSync(path) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL: there is something, and it is no link.
    return code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR' ? { to: undefined } : 'unknown';
  }
}
