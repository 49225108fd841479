/**
 * The one table of options. It generates the parsing, `--help` and the table in the README.
 * Order of precedence: flag, environment, config file, default.
 */
import mri from 'mri';
import { AppError } from './errors.ts';
import { fileStatus } from './file-status.ts';
import type { FailurePolicy } from './types.ts';

interface Option {
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

const TABLE: readonly Option[] = OPTIONS;

/** Verbs besides the flags: `claude-slack-hook demo`. */
const VERBS = {
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

/** The one option that a typo most likely meant: it starts alike, or has the same letters but one. */
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

/** What the program runs with, from flags, environment and config file together. */
export interface Settings {
  readonly botToken: string | undefined;
  readonly appToken: string | undefined;
  /** Slack user ids; the first gets the card. */
  readonly approvers: readonly string[];
  readonly logLevel: string;
  readonly onFailure: FailurePolicy;
  readonly deadlineMs: number;
  readonly idleMs: number;
  readonly onlyScreenLock: boolean;
  readonly lockCommand: string | undefined;
  readonly apiUrl: string;
  /** Where the config file is looked for. */
  readonly configFile: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Puts flags, environment and config file together.
 * Throws AppError('usage' | 'bad-config' | 'config-mode').
 */
export function resolveSettings(flags: ParsedArgv['flags'], env: Environment): Settings {
  const configFile = `${configHome(env)}/claude-slack-hook/config.json`;
  const config = readConfig(configFile);
  const get = (name: (typeof OPTIONS)[number]['flag']): { text: string | undefined; from: string } => {
    const option: Option | undefined = TABLE.find((entry) => entry.flag === name);
    const flag = flags[name];
    if (flag !== undefined) return { text: flag === true ? 'true' : flag, from: `--${name}` };
    const fromEnv = option?.env === undefined ? undefined : env[option.env];
    if (fromEnv !== undefined && fromEnv !== '') return { text: fromEnv, from: option?.env ?? name };
    const fromFile = option?.key === undefined ? undefined : config[option.key];
    if (fromFile !== undefined) return { text: fromFile, from: `${option?.key} in ${configFile}` };
    return { text: option?.fallback, from: 'the default' };
  };
  const choice = <T extends string>(name: (typeof OPTIONS)[number]['flag'], allowed: readonly T[]): T => {
    const { text, from } = get(name);
    const found = allowed.find((value) => value === text);
    if (found === undefined)
      throw new AppError('usage', `Expected ${from} to be one of ${allowed.join(', ')}, got ${quote(text)}`);
    return found;
  };
  return {
    botToken: get('bot-token').text,
    appToken: get('app-token').text,
    approvers: userIds(get('user-id')),
    logLevel: choice('log-level', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    onFailure: choice('on-failure', ['ask', 'deny']),
    deadlineMs: duration(get('deadline')),
    idleMs: duration(get('idle')),
    onlyScreenLock: get('only-screen-lock').text === 'true',
    lockCommand: get('lock-command').text,
    apiUrl: url(get('api-url')),
    configFile,
  };
}

/** A relative XDG_CONFIG_HOME is ignored, as its specification says: it would depend on the project directory. */
function configHome(env: Environment): string {
  const configured = env.XDG_CONFIG_HOME;
  if (configured?.startsWith('/')) return configured;
  return `${env.HOME ?? ''}/.config`;
}

function readConfig(file: string): Readonly<Record<string, string>> {
  try {
    const status = fileStatus(file);
    if (status === undefined) return {};
    if (status.kind !== 'file') throw new AppError('bad-config', `Expected ${file} to be a regular file`);
    const uid = process.getuid?.();
    if (uid !== undefined && status.uid !== uid) {
      throw new AppError('config-mode', `Expected ${file} to belong to uid ${uid}, got uid ${status.uid}`);
    }
    if ((status.mode & 0o077) !== 0) {
      throw new AppError('config-mode', `Expected mode 0600 for ${file}, got 0${status.mode.toString(8)}`, {
        hint: `Run: chmod 600 ${file}`,
      });
    }
    return checkConfig(JSON.parse(process.getBuiltinModule('node:fs').readFileSync(file, 'utf8')), file);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checkConfig(parsed: unknown, file: string): Readonly<Record<string, string>> {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object`);
  }
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const option = TABLE.find((entry) => entry.key === key);
    if (option === undefined) throw new AppError('bad-config', `Unknown key ${JSON.stringify(key)} in ${file}`);
    const list = Array.isArray(value) && key === 'userId' && value.every((item) => typeof item === 'string');
    const time = option.value === 'TIME' && typeof value === 'number';
    const fits = option.value === undefined ? typeof value === 'boolean' : typeof value === 'string' || list || time;
    if (!fits) {
      throw new AppError(
        'bad-config',
        `Expected ${key} in ${file} to be a ${option.value === undefined ? 'boolean' : 'string'}, got ${typeof value}`,
      );
    }
    config[key] = list ? value.join(',') : String(value);
  }
  return config;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90`, `90s`, `2m`, `500ms`, `1h` -> milliseconds; a bare number is seconds. */
function duration({ text, from }: { text: string | undefined; from: string }): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text ?? '');
  const ms = match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? 's'] ?? Number.NaN);
  // Beyond 2^31-1 ms a JavaScript timer fires at once.
  if (!(ms > 0 && ms < 2 ** 31)) {
    throw new AppError('usage', `Expected ${from} to be a time such as 90s, 30m or 500ms, got ${quote(text)}`);
  }
  return Math.round(ms);
}

function userIds({ text, from }: { text: string | undefined; from: string }): readonly string[] {
  const ids = (text ?? '').split(',').flatMap((id) => (id.trim() === '' ? [] : [id.trim()]));
  for (const id of ids) {
    if (!/^[UW][A-Z0-9]{2,}$/.test(id)) {
      throw new AppError('usage', `Expected ${from} to be a Slack user id such as U0123456789, got ${quote(id)}`);
    }
  }
  return [...new Set(ids)];
}

function url({ text, from }: { text: string | undefined; from: string }): string {
  const parsed = URL.parse(text ?? '');
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new AppError('usage', `Expected ${from} to be an http(s) URL, got ${quote(text)}`);
  }
  return parsed.href.endsWith('/') ? parsed.href : `${parsed.href}/`;
}

function quote(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text);
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
