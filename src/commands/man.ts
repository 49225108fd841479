/** `man`: the manual page, made of the words of --help and the catalogue of errors. */
import { ERRORS } from '../errors.ts';
import { aliasOf, CONFIG_FILE, helpOf, SUMMARY, sources, VERB_HELP, withValue } from '../help.ts';
import { TABLE } from '../options.ts';
import type { Said } from '../types.ts';
import { VERSION } from '../version.ts';

const FILES: readonly (readonly [string, string])[] = [
  [CONFIG_FILE, 'Settings, tokens and rules; refused unless its mode is 0600. By default in ~/.config.'],
  ['$XDG_STATE_HOME/claude-slack-hook/daemon.log', 'What the daemon has written down. By default in ~/.local/state.'],
  ['$XDG_STATE_HOME/claude-slack-hook/audit.jsonl', 'Every request and how it ended.'],
];

export function runMan(): Said {
  return { stdout: manPage(), stderr: '', exitCode: 0 };
}

/** Section 1, in the macros of man(7). */
export function manPage(): string {
  const usages = ['[options] < hook-input.json', ...Object.values(VERB_HELP).flatMap(({ usage }) => usage)];
  return [
    `.TH CLAUDE\\-SLACK\\-HOOK 1 "" "claude\\-slack\\-hook ${roff(VERSION)}" "User Commands"`,
    '.SH NAME',
    'claude\\-slack\\-hook \\- a consent gate for coding agents in Slack',
    '.SH SYNOPSIS',
    ...usages.flatMap((usage) => ['.B claude\\-slack\\-hook', roff(usage.replace(/\s+/g, ' ')), '.br']),
    '.SH DESCRIPTION',
    roff(SUMMARY),
    'Without a verb it is the hook: it reads one JSON document of an agent from its standard input.',
    '.SH VERBS',
    ...Object.entries(VERB_HELP).flatMap(([name, { help, options = {} }]) => [
      ...entry(name, help),
      ...nested(
        Object.entries(options).flatMap(([flag, { value, help: about }]) =>
          entry(flagText(flag, aliasOf(name, flag), value), about),
        ),
      ),
    ]),
    '.SH OPTIONS',
    'A flag beats the config file, that beats the environment, and that the default.',
    ...TABLE.flatMap((option) =>
      entry(flagText(option.flag, option.alias, option.value), `${helpOf(option)}${sources(option)}`),
    ),
    '.SH FILES',
    ...FILES.flatMap(([path, about]) => entry(path, about)),
    '.SH EXIT STATUS',
    'As a hook it is what the agent expects. Otherwise 0, or that of the error, whose code is the last line that is printed:',
    ...Object.entries(ERRORS).flatMap(([code, { exit, hint }]) => entry(`${exit} ${code}`, hint)),
    '',
  ].join('\n');
}

function flagText(flag: string, alias: string | undefined, value: string | undefined): string {
  return `${alias === undefined ? '' : `-${alias}, `}--${withValue(flag, value)}`;
}

function entry(term: string, text: string): readonly string[] {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}

function nested(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['.RS', ...lines, '.RE'];
}

/** Where they stand alone, many a troff sets another character, which no shell takes. */
const AS_TYPED: Readonly<Record<string, string>> = { '~': 'ti', '^': 'ha', "'": 'aq', '`': 'ga', '"': 'dq' };

/** A text that roff takes for a text: no escapes, no requests, and characters beyond ASCII by their code. */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[~^'`"]/g, (character) => `\\(${AS_TYPED[character] ?? ''}`)
    // A terminal that knows ASCII only has none.
    .replaceAll('…', '...')
    .replace(/[^\x20-\x7e]/gu, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
    });
  return escaped.replace(/^(?=[.'])/, '\\&');
}
