/** The one table of options. It generates the parsing, `--help` and the table in the README; settings.ts gives the values their meaning. */
import mri from 'mri';
import { AppError } from './errors.ts';
import type { VerbName } from './verbs.ts';

export interface Option {
  /** The long flag, without dashes. */
  readonly flag: string;
  readonly alias?: string;
  /** The placeholder of the value in --help; absent for a switch. */
  readonly value?: string;
  readonly env?: string;
  /** The key in config.json. */
  readonly key?: string;
  readonly fallback?: string;
}

/** Every option there is. README's table is generated from this. */
export const OPTIONS = [
  { flag: 'bot-token', alias: 'b', value: 'xoxb-…', env: 'SLACK_BOT_TOKEN', key: 'botToken' },
  {
    flag: 'app-token',
    alias: 'a',
    value: 'xapp-…',
    env: 'SLACK_APP_TOKEN',
    key: 'appToken',
  },
  {
    flag: 'user-id',
    alias: 'u',
    value: 'U…',
    env: 'SLACK_USER_ID',
    key: 'userId',
  },
  { flag: 'agent', value: 'NAME' },
  { flag: 'config', value: 'FILE' },
  {
    flag: 'log-level',
    alias: 'l',
    value: 'LEVEL',
    key: 'logLevel',
    fallback: 'info',
  },
  {
    flag: 'on-failure',
    value: 'ask|deny',
    key: 'onFailure',
    fallback: 'ask',
  },
  {
    flag: 'deadline',
    value: 'TIME',
    key: 'deadline',
    fallback: '570s',
  },
  {
    flag: 'max-input',
    value: 'SIZE',
    key: 'maxInput',
    fallback: '1m',
  },
  {
    flag: 'idle',
    value: 'TIME',
    key: 'idle',
    fallback: '30m',
  },
  {
    flag: 'threads',
    value: 'on|off',
    key: 'threads',
    fallback: 'on',
  },
  {
    flag: 'broadcast',
    value: 'on|off',
    key: 'broadcast',
    fallback: 'on',
  },
  {
    flag: 'stop-reply',
    value: 'TIME',
    key: 'stopReply',
  },
  {
    flag: 'http',
    value: 'PORT',
    key: 'http',
  },
  { flag: 'only-screen-lock', key: 'onlyScreenLock' },
  {
    flag: 'lock-command',
    value: 'COMMAND',
    key: 'lockCommand',
  },
  {
    flag: 'api-url',
    value: 'URL',
    env: 'SLACK_API_URL',
    key: 'apiUrl',
    fallback: 'https://slack.com/api/',
  },
  { flag: 'observe' },
  { flag: 'test' },
  { flag: 'no-wait' },
  { flag: 'status' },
  { flag: 'stop' },
  { flag: 'help', alias: 'h' },
  { flag: 'version', alias: 'v' },
] as const satisfies readonly Option[];

/** The same, with the optional properties that a reader of any option needs. */
export const TABLE: readonly Option[] = OPTIONS;

export type Flag = (typeof OPTIONS)[number]['flag'];

/** Flags that are modes, of which there can be one. */
export const MODE_FLAGS = ['help', 'version', 'stop', 'status', 'test'] as const;

export type Mode = 'hook' | 'verify' | 'manifest' | 'uninstall' | (typeof MODE_FLAGS)[number] | VerbName;

export interface ParsedArgv {
  readonly mode: Mode;
  /** Values and switches as given, by long flag name. */
  readonly flags: Readonly<Record<string, string | true>>;
  /** What stands behind the verb. */
  readonly word?: string;
}

/**
 * Reads a command line that begins with no verb (without the interpreter and script); see verbs.ts for those that do.
 * Throws AppError('usage') for an unknown flag, a missing or doubled value, and a stray word.
 */
export function parseOptions(argv: readonly string[]): ParsedArgv {
  // The usual hook call; parsing nothing would still cost it memory.
  if (argv.length === 0) return { mode: 'hook', flags: {} };
  // `--status --json` is `status --json`.
  const flags = parseFlags(argv, argv.includes('--status') ? ['json'] : []);
  const modes = MODE_FLAGS.filter((mode) => flags[mode] === true);
  if (modes.includes('help')) return { mode: 'help', flags };
  if (modes.length > 1) throw new AppError('usage', `Expected one of --${modes.join(' and --')}, got both`);
  return { mode: modes[0] ?? 'hook', flags };
}

/** The flags in words that hold nothing else. Throws AppError('usage') as `parseOptions` does. */
export function parseFlags(
  words: readonly string[],
  ownSwitches: readonly string[] = [],
  ownValues: readonly string[] = [],
  ownAliases: Readonly<Record<string, string>> = {},
): ParsedArgv['flags'] {
  const switches = new Set<string>(ownSwitches);
  const values = new Set<string>(ownValues);
  const aliases: Record<string, string> = { ...ownAliases };
  for (const option of TABLE) {
    (option.value === undefined ? switches : values).add(option.flag);
    if (option.alias !== undefined) aliases[option.alias] = option.flag;
  }
  for (const word of words) checkFlag(word, { switches, values, aliases });
  const parsed = mri([...words], { string: [...values], boolean: [...switches], alias: aliases });
  if (parsed._.length > 0) throw new AppError('usage', `Unexpected argument ${JSON.stringify(String(parsed._[0]))}`);
  const flags: Record<string, string | true> = {};
  for (const name of values) {
    const value: unknown = parsed[name];
    if (value === undefined) continue;
    if (Array.isArray(value)) throw new AppError('usage', `Expected --${name} once, got it ${value.length} times`);
    if (typeof value !== 'string' || value === '')
      throw new AppError('usage', `Expected a value for --${name}, got none`);
    flags[name] = value;
  }
  // mri reads --no-x as x=false.
  for (const name of switches) {
    if (name.startsWith('no-') ? parsed[name.slice(3)] === false : parsed[name] === true) flags[name] = true;
  }
  return flags;
}

/** mri passes over what it does not know and over `--switch=value`; a gate must not. */
function checkFlag(
  word: string,
  known: { switches: ReadonlySet<string>; values: ReadonlySet<string>; aliases: Readonly<Record<string, string>> },
): void {
  if (!word.startsWith('-') || word === '-') return;
  const [head = '', ...rest] = word.split('=');
  const given = head.replace(/^--?/, '');
  const name = head.startsWith('--') ? given : (known.aliases[given] ?? '');
  if (known.values.has(name)) return;
  if (!known.switches.has(name))
    throw new AppError('usage', `Unknown option ${JSON.stringify(head)}${suggestion(given)}`);
  if (rest.length > 0)
    throw new AppError('usage', `Expected --${name} without a value, got ${JSON.stringify(rest.join('='))}`);
}

/** The first option that starts like the typo. */
function suggestion(given: string): string {
  const near = TABLE.find((option) => option.flag.startsWith(given.slice(0, 4)) && given.length > 2);
  return near === undefined ? '' : `; did you mean --${near.flag}?`;
}
