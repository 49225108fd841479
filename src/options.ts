/** The one table of options. It generates the parsing, `--help` and the table in the README; settings.ts gives the values their meaning. */
import mri from 'mri';
import { AppError } from './errors.ts';

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
  readonly help: string;
}

/** Every option there is. README's table is generated from this. */
export const OPTIONS = [
  { flag: 'bot-token', alias: 'b', value: 'xoxb-…', env: 'SLACK_BOT_TOKEN', key: 'botToken', help: 'Slack bot token' },
  {
    flag: 'app-token',
    alias: 'a',
    value: 'xapp-…',
    env: 'SLACK_APP_TOKEN',
    key: 'appToken',
    help: 'Slack app-level token with connections:write',
  },
  {
    flag: 'user-id',
    alias: 'u',
    value: 'U…',
    env: 'SLACK_USER_ID',
    key: 'userId',
    help: 'Slack user who is asked; several ids separated by commas may answer, the first gets the card',
  },
  {
    flag: 'log-level',
    alias: 'l',
    value: 'LEVEL',
    key: 'logLevel',
    fallback: 'info',
    help: 'fatal, error, warn, info, debug, trace or silent',
  },
  {
    flag: 'on-failure',
    value: 'ask|deny',
    key: 'onFailure',
    fallback: 'ask',
    help: 'What PreToolUse answers when nobody could decide',
  },
  {
    flag: 'deadline',
    value: 'TIME',
    key: 'deadline',
    fallback: '570s',
    help: 'How long a request waits for a person; keep it below the timeout of the hook',
  },
  {
    flag: 'idle',
    value: 'TIME',
    key: 'idle',
    fallback: '30m',
    help: 'The daemon ends after this time without a pending request',
  },
  { flag: 'only-screen-lock', key: 'onlyScreenLock', help: 'Ask in Slack only while the screen is locked' },
  {
    flag: 'lock-command',
    value: 'COMMAND',
    key: 'lockCommand',
    help: 'Shell command that tells whether the screen is locked: exit 0 yes, 1 no',
  },
  {
    flag: 'api-url',
    value: 'URL',
    env: 'SLACK_API_URL',
    key: 'apiUrl',
    fallback: 'https://slack.com/api/',
    help: 'Base of the Slack Web API (emulator, gateway)',
  },
  { flag: 'test', help: 'Check the tokens and the connection, post a test card and wait for a click' },
  { flag: 'no-wait', help: 'With --test: post the card, do not wait for the click' },
  { flag: 'status', help: 'Say what the daemon is doing' },
  { flag: 'stop', help: 'Stop the daemon; pending requests get the failure answer' },
  { flag: 'help', alias: 'h', help: 'Show this text' },
  { flag: 'version', alias: 'v', help: 'Show the version' },
] as const satisfies readonly Option[];

/** The same, with the optional properties that a reader of any option needs. */
export const TABLE: readonly Option[] = OPTIONS;

export type Flag = (typeof OPTIONS)[number]['flag'];

/** Verbs besides the flags: `claude-slack-hook demo`. */
const VERBS = {
  daemon: {
    switches: [],
    values: [],
    help: 'Run the daemon in the foreground (with __CLAUDE_SLACK_SERVER__=1); hooks start it by themselves',
  },
  demo: { switches: ['auto'], values: ['port'], help: 'Show the whole loop against a local Slack, without an account' },
} as const;

export type Mode = 'hook' | 'test' | 'status' | 'stop' | 'help' | 'version' | keyof typeof VERBS;

export interface ParsedArgv {
  readonly mode: Mode;
  /** Values and switches as given, by long flag name. */
  readonly flags: Readonly<Record<string, string | true>>;
}

/**
 * Reads the command line (without the interpreter and script).
 * Throws AppError('usage') for an unknown flag, a missing or doubled value, and a stray word.
 */
export function parseArgv(argv: readonly string[]): ParsedArgv {
  // The usual hook call; parsing nothing would still cost it memory.
  if (argv.length === 0) return { mode: 'hook', flags: {} };
  const verb = argv[0] !== undefined && Object.hasOwn(VERBS, argv[0]) ? (argv[0] as keyof typeof VERBS) : undefined;
  const words = verb === undefined ? argv : argv.slice(1);
  const switches = new Set<string>(verb === undefined ? [] : VERBS[verb].switches);
  const values = new Set<string>(verb === undefined ? [] : VERBS[verb].values);
  const aliases: Record<string, string> = {};
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
  return { mode: verb ?? modeOf(flags), flags };
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

function modeOf(flags: Readonly<Record<string, string | true>>): Mode {
  const modes = (['help', 'version', 'stop', 'status', 'test'] as const).filter((mode) => flags[mode] === true);
  if (modes.includes('help')) return 'help';
  if (modes.length > 1) throw new AppError('usage', `Expected one of --${modes.join(' and --')}, got both`);
  return modes[0] ?? 'hook';
}

/** The text of --help. */
export function helpText(): string {
  const lines = TABLE.map((option) => {
    const alias = option.alias === undefined ? '    ' : `-${option.alias}, `;
    const left = `  ${alias}--${option.flag}${option.value === undefined ? '' : ` ${option.value}`}`;
    return `${left.padEnd(34)}${option.help}${sources(option)}`;
  });
  const verbs = Object.entries(VERBS).map(([name, verb]) => `  ${name.padEnd(32)}${verb.help}`);
  return [
    'Usage: claude-slack-hook [options] < hook-input.json',
    '       claude-slack-hook demo [--auto] [--port N]',
    '',
    'Asks a person in Slack before a coding agent runs a tool, and prints the decision for the agent.',
    '',
    'Options (flag, else environment, else config file, else default):',
    ...lines,
    '',
    'Verbs:',
    ...verbs,
    '',
    'Config file: $XDG_CONFIG_HOME/claude-slack-hook/config.json (mode 0600)',
    '',
  ].join('\n');
}

function sources(option: Option): string {
  const parts = [
    option.env === undefined ? undefined : `env ${option.env}`,
    option.key === undefined ? undefined : `key ${option.key}`,
    option.fallback === undefined ? undefined : `default ${option.fallback}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** The options as a Markdown table, for the README. */
export function optionsTable(): string {
  const rows = TABLE.map((option) => {
    const flag = `\`--${option.flag}${option.value === undefined ? '' : ` ${option.value.replaceAll('|', '\\|')}`}\``;
    const cells = [
      option.alias === undefined ? flag : `${flag}, \`-${option.alias}\``,
      option.env === undefined ? '' : `\`${option.env}\``,
      option.key === undefined ? '' : `\`${option.key}\``,
      option.fallback === undefined ? '' : `\`${option.fallback}\``,
      option.help,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| option | environment | config key | default | what it does |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
