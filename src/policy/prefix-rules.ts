/** Which beginnings of commands may become a rule: `npm test *` may, `rm *` and whatever is not known here may not. */
import { dangerOfWords } from './danger-commands.ts';
import { isInterpreterOrWrapper } from './interpreters.ts';
import { simpleCommand } from './shell.ts';

/** The longest beginning that a person can judge at a glance. */
const MAX_PREFIX = 200;

/**
 * Programs that only print, whatever they are given: no option of theirs runs a program, writes a file or reaches
 * another machine (`grep -f` and `date -f` read one). Left out because one does, among those that look alike: `file -C` and
 * `tree -o` write; `sort --compress-program`, `rg --pre`, `prettier --plugin`, `eslint --config`, `jest --config`, `vitest
 * --config` and `pytest -p` run; `tsc --outDir` writes anywhere; `printenv` prints secrets, and `cd` moves the rest.
 */
const PRINTERS = set(
  'ls cat head tail wc grep echo pwd stat du df which date whoami uname diff cmp basename dirname realpath readlink',
);

/**
 * Programs whose subcommands are too different for one rule, and those that a rule may begin with. Not `git fetch`
 * (`--upload-pack`), most of `go` (`-exec`, `-toolexec`) and `kubectl` (`--kubeconfig`): an option makes them run any program.
 */
const SUBCOMMANDS: Readonly<Record<string, ReadonlySet<string>>> = {
  git: new Set(
    'add blame commit describe diff init log ls-files ls-tree merge-base rev-list rev-parse shortlog show status'.split(
      ' ',
    ),
  ),
  npm: set('test t run run-script start ls list outdated view explain'),
  pnpm: set('test t run start list ls outdated why lint build typecheck'),
  yarn: set('test run start list info why lint build typecheck'),
  cargo: set('build check test clippy fmt doc bench tree metadata'),
  go: set('fmt version doc'),
  docker: set('ps images logs inspect version'),
  podman: set('ps images logs inspect version'),
  nerdctl: set('ps images logs inspect version'),
  gh: new Set(
    ['pr', 'issue', 'run', 'repo'].flatMap((what) =>
      ['view', 'list', 'diff', 'checks', 'status'].map((verb) => `${what} ${verb}`),
    ),
  ),
  dotnet: set('build test format'),
  mvn: set('test compile verify'),
  gradle: set('test build check'),
  rake: set('test'),
};

/** What reaches beyond a directory: other machines and containers, and scripts by whatever name they have. */
const BEYOND = {
  programs: set('gh docker podman nerdctl'),
  subcommands: set('run run-script start view info outdated'),
};

/** Why no rule may begin with these words; undefined when one may. */
export function prefixProblem(prefix: string): string | undefined {
  const words = simpleCommand(prefix);
  if (words === undefined) return 'is not one simple command';
  if (prefix.length > MAX_PREFIX) return 'is too long to judge';
  return beginningProblem(words);
}

/** Whether a command of these words is one that a person means by any plain command in a directory, as far as its program goes. */
export function isPlainProgram(words: readonly string[]): boolean {
  const [program = '', subcommand = ''] = words;
  const isBeyond =
    BEYOND.programs.has(program) || (Object.hasOwn(SUBCOMMANDS, program) && BEYOND.subcommands.has(subcommand));
  return !isBeyond && beginningProblem(words) === undefined;
}

/** By the program as it is written: `./git` may be anything. */
function beginningProblem(words: readonly string[]): string | undefined {
  const [program = '', second = '', third = ''] = words;
  if (isInterpreterOrWrapper(words)) return 'runs any other program';
  const subcommands = Object.hasOwn(SUBCOMMANDS, program) ? SUBCOMMANDS[program] : undefined;
  if (subcommands === undefined && !PRINTERS.has(program)) return 'may do more than print';
  if (subcommands !== undefined && !subcommands.has(second) && !subcommands.has(`${second} ${third}`)) {
    return 'stands for very different commands';
  }
  return dangerOfWords(words);
}

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/));
}
