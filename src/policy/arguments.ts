/** Whether a text that a tool is called with is of a pattern: narrowly for what permits, widely for what forbids. */

import { isLiteral, matchesWildcard } from '../wildcard.ts';
import { commandParts, simpleCommand } from './shell.ts';

/**
 * Whether a pattern permits a shell command: as written, and only a command that is a single one without anything for
 * the shell to expand, unless the pattern is that very command.
 */
export function permitsCommand(pattern: string, command: string): boolean {
  if (isLiteral(pattern) && pattern === command) return true;
  return matchesWildcard(pattern, command, 'strict') && simpleCommand(command) !== undefined;
}

/**
 * Whether a pattern permits a URL. It is compared as a URL, by scheme, host and the rest: a `*` in one cannot reach
 * into the other. In the host it stands for any subdomains at the beginning, or for all of it.
 */
export function permitsUrl(pattern: string, text: string): boolean {
  // Where a URL with these goes is read in several ways.
  if (/[\s\p{C}\\]/u.test(text)) return false;
  const wanted = /^([a-z][a-z0-9+.-]*:)\/\/(\*|(?:\*\.)?[^/*?#@]+)([/?#].*)?$/is.exec(pattern);
  const url = URL.parse(text);
  if (wanted === null || url === null || url.username !== '' || url.password !== '') return false;
  const [, scheme = '', host = '', rest = '/'] = wanted;
  return (
    url.protocol === scheme.toLowerCase() &&
    matchesWildcard(host.toLowerCase(), url.host, 'strict') &&
    matchesWildcard(rest, `${url.pathname}${url.search}${url.hash}`, 'strict')
  );
}

/** Every text that a URL could be meant by, for patterns that forbid. */
export function urlTexts(text: string): readonly string[] {
  const url = URL.parse(text);
  if (url === null) return [text];
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  bare.hostname = bare.hostname.replace(/\.$/, '');
  return [text, text.trim(), ...[url.href, bare.href].flatMap((href) => [href, href.replace(/\/$/, '')])];
}

/** What a shell command could be meant by, for patterns that forbid. */
export interface CommandTexts {
  /** Commands from their first word on. */
  readonly whole: readonly string[];
  /** Commands that begin with something else: the one meant begins at one of the words, nobody knows which. */
  readonly led: readonly string[];
}

/** The whole text, its parts, and all of them without quotes, as the shell would see them. */
export function commandTexts(command: string): CommandTexts {
  const whole = new Set<string>();
  const led = new Set<string>();
  const add = (text: string): string | undefined => {
    const bare = unquoted(text);
    for (const each of [text, text.trim(), bare, withoutDirectory(bare)]) whole.add(each);
    if (!isLed(bare)) return undefined;
    led.add(bare);
    return bare;
  };
  for (const part of [command, ...commandParts(command)]) {
    const bare = add(part);
    // What a wrapper is given in quotes may be several commands.
    if (bare !== undefined) for (const inner of commandParts(unquoted(part, '\n'))) add(inner);
  }
  return { whole: [...whole], led: [...led] };
}

/** Whether a pattern is about any of these commands. */
export function concernsCommand(pattern: string, { whole, led }: CommandTexts): boolean {
  return (
    whole.some((text) => matchesWildcard(pattern, text, 'liberal')) ||
    led.some((text) => WORD_BREAKS.some((before) => matchesWildcard(`${before}${pattern}`, text, 'liberal')))
  );
}

/** What a command may stand behind: `bash <<<'git push'`, too. */
const WORD_BREAKS = ['* ', '*/', '*<'];
/** Words that have another command after them, or the shell's own before one. */
const LEADS: ReadonlySet<string> = new Set(
  `sudo doas su runuser env nohup setsid stdbuf time timeout nice ionice chrt taskset caffeinate watch xargs parallel
  find flock strace ltrace chroot unshare nsenter script ssh docker podman kubectl busybox
  bash sh zsh dash ksh fish eval exec command builtin coproc trap
  if then elif else while until do ! { case function`.split(/\s+/),
);

/** `A=b git push`, `2>log git push`, `/usr/bin/sudo git push`. */
function isLed(bare: string): boolean {
  const first = /^[^\s<>]*/.exec(bare)?.[0] ?? '';
  return /^(\w+(\[[^\]]*\])?\+?=|\d*[<>&])/.test(bare) || LEADS.has(withoutDirectory(first));
}

/** Without quotes and backslashes, and with one space (or `lineBreak` for a line break) wherever the shell sees white space. */
function unquoted(text: string, lineBreak = ' '): string {
  return text
    .replace(/\\\n/g, '')
    .replace(/\$\{IFS[^}]{0,20}\}|\$IFS/g, ' ')
    .replace(/\$(?=["'])|["'\\]/g, '')
    .replace(/[ \t\r\n]+/g, (space) => (space.includes('\n') ? lineBreak : ' '))
    .trim();
}

/** `/usr/bin/git push` -> `git push`. */
function withoutDirectory(command: string): string {
  const end = command.indexOf(' ');
  const slash = command.lastIndexOf('/', end < 0 ? undefined : end);
  return slash < 0 ? command : command.slice(slash + 1);
}
