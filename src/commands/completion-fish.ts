/** The completion of fish. */
import type { Completable, Grammar } from './completion.ts';

const COMMAND = 'complete -c claude-slack-hook';

export function fishScript({ flags, verbs }: Grammar): string {
  const names = verbs.map(({ name }) => name).join(' ');
  const isWithout = `not __fish_seen_subcommand_from ${names}`;
  return [
    '# fish completion for claude-slack-hook: save it as ~/.config/fish/completions/claude-slack-hook.fish',
    `${COMMAND} -f`,
    ...verbs.map(({ name, help }) => `${COMMAND} -n ${quoted(isWithout)} -a ${name} -d ${quoted(help)}`),
    ...flags.map((flag) => flagLine(flag, isWithout)),
    ...verbs.flatMap(({ name, words, flags: own }) => {
      const isThere = `__fish_seen_subcommand_from ${name}`;
      return [
        ...words.map((word) => `${COMMAND} -n ${quoted(isThere)} -a ${word}`),
        ...own.map((flag) => flagLine(flag, isThere)),
      ];
    }),
    '',
  ].join('\n');
}

function flagLine({ names, help, value }: Completable, condition: string): string {
  const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [COMMAND, '-n', quoted(condition), ...forms, ...parameter(value), '-d', quoted(help)].join(' ');
}

function parameter(value: Completable['value']): readonly string[] {
  if (value === undefined) return [];
  if (value === 'file') return ['-r', '-F'];
  return value === 'any' ? ['-x'] : ['-x', '-a', quoted(value.join(' '))];
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
