/**
 * What the program runs with: flag before config file before environment before default. What an agent's environment holds
 * may come from a project's settings; the config file is only this user's to write.
 */
import { readDuration } from './durations.ts';
import { AppError } from './errors.ts';
import { fileStatus, readSmallFile } from './file-status.ts';
import { isLoopback } from './loopback.ts';
import { type Flag, type Option, type ParsedArgv, TABLE } from './options.ts';
import { homeOf } from './state.ts';
import type { FailurePolicy } from './types.ts';

/** What the program runs with, from flags, environment and config file together. */
export interface Settings {
  readonly botToken: string | undefined;
  readonly appToken: string | undefined;
  /** Slack user ids. */
  readonly approvers: readonly string[];
  /** Those of them that are not the config file's. */
  readonly callersApprovers: readonly string[];
  /** Whether the config file says who is asked: then it is looked into again at each request and answer. */
  readonly isConfigAsked: boolean;
  readonly logLevel: string;
  readonly onFailure: FailurePolicy;
  readonly deadlineMs: number;
  readonly idleMs: number;
  /** The largest hook input, in bytes. */
  readonly maxInputBytes: number;
  readonly threads: boolean;
  readonly broadcast: boolean;
  /** How long a Stop waits for a reply; undefined: not at all. */
  readonly stopReplyMs: number | undefined;
  /** The port on which the daemon also takes requests over HTTP, as it was given (see `httpPortOf`); undefined: none. */
  readonly http: string | undefined;
  /** Whether the config file says anything of collectors. */
  readonly isCollectorConfigured: boolean;
  readonly onlyScreenLock: boolean;
  readonly lockCommand: string | undefined;
  /** Whoever has touched nothing for so long is not at the keyboard; undefined: nobody is taken to be there. */
  readonly idleAfterMs: number | undefined;
  readonly apiUrl: string;
  /** Tokens given as flags: `ps` shows them to everybody. */
  readonly areTokensVisible: boolean;
  /** Where the config file is looked for. */
  readonly configFile: string;
}

/** pino's, from few lines to many, and none. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Puts flags, config file and environment together.
 * Throws AppError('usage' | 'bad-config' | 'config-mode').
 * @param isDaemon its environment comes from the hook that started it, which has put these together already
 */
export function resolveSettings(flags: ParsedArgv['flags'], env: Environment, isDaemon = false): Settings {
  const configFile = configFileOf(flags, env);
  const config = readConfig(configFile);
  const get = (name: Flag): { text: string | undefined; from: string } => {
    const option: Option | undefined = TABLE.find((entry) => entry.flag === name);
    const flag = flags[name];
    if (flag !== undefined) return { text: flag === true ? 'true' : flag, from: `--${name}` };
    const variable = option?.env === undefined ? undefined : env[option.env];
    const fromEnv = variable ? [{ text: variable, from: option?.env ?? name }] : [];
    const key = option?.key === undefined ? undefined : config[option.key];
    const fromFile = key === undefined ? [] : [{ text: key, from: `${option?.key} in ${configFile}` }];
    const [first] = isDaemon ? [...fromEnv, ...fromFile] : [...fromFile, ...fromEnv];
    return first ?? { text: option?.fallback, from: 'the default' };
  };
  const choice = <T extends string>(name: Flag, allowed: readonly T[]): T => {
    const { text, from } = get(name);
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw wrong(from, `to be one of ${allowed.join(', ')}, got ${quote(text)}`);
    return found;
  };
  const approvers = userIds(get('user-id'));
  return {
    botToken: get('bot-token').text,
    appToken: get('app-token').text,
    approvers,
    callersApprovers: flags['user-id'] === undefined && config.userId !== undefined ? [] : approvers,
    isConfigAsked: flags['user-id'] === undefined && (config.userId ?? config.approvers) !== undefined,
    logLevel: choice('log-level', LOG_LEVELS),
    onFailure: choice('on-failure', ['ask', 'deny']),
    deadlineMs: duration(get('deadline')),
    idleMs: duration(get('idle')),
    maxInputBytes: size(get('max-input')),
    threads: choice('threads', ['on', 'off']) === 'on',
    broadcast: choice('broadcast', ['on', 'off']) === 'on',
    stopReplyMs: get('stop-reply').text === undefined ? undefined : duration(get('stop-reply')),
    http: get('http').text,
    isCollectorConfigured: config.collector !== undefined || config.send !== undefined,
    onlyScreenLock: get('only-screen-lock').text === 'true',
    lockCommand: get('lock-command').text,
    idleAfterMs: config.presence ? duration({ text: config.presence, from: 'presence.idleAfter' }) : undefined,
    apiUrl: url(get('api-url')),
    areTokensVisible: flags['bot-token'] !== undefined || flags['app-token'] !== undefined,
    configFile,
  };
}

/**
 * What to do when nobody could decide, for when the settings as a whole cannot be had: the flag, else the config file.
 * A file that cannot be understood may have said deny. Never throws.
 */
export function failurePolicy(flags: ParsedArgv['flags'], env: Environment): FailurePolicy {
  if (flags['on-failure'] !== undefined) return flags['on-failure'] === 'ask' ? 'ask' : 'deny';
  try {
    const file = configFileOf(flags, env);
    if (fileStatus(file) === undefined) return 'ask';
    const config: unknown = JSON.parse(readText(file));
    const wanted = typeof config === 'object' && config !== null ? Reflect.get(config, 'onFailure') : 'deny';
    return wanted === undefined || wanted === 'ask' ? 'ask' : 'deny';
  } catch {
    return 'deny';
  }
}

/** Keys of the config file that others than a hook understand; they check them whole (policy/config.ts, collector/config.ts, commands/send.ts). */
const POLICY_KEYS: ReadonlySet<string> = new Set([
  ...['approvers', 'secondApprover', 'rules', 'mask', 'presence', 'auditKeepDays', 'collector', 'send'],
]);

/** Throws AppError('usage') for a relative path: it would depend on the project directory. */
export function configFileOf({ config }: ParsedArgv['flags'], env: Environment): string {
  if (typeof config !== 'string') return `${configHome(env)}/claude-slack-hook/config.json`;
  if (!config.startsWith('/')) throw wrong('--config', `to be an absolute path, got ${quote(config)}`);
  return config;
}

/** A relative XDG_CONFIG_HOME is ignored, as its specification says: it would depend on the project directory. */
function configHome(env: Environment): string {
  const configured = env.XDG_CONFIG_HOME;
  if (configured?.startsWith('/')) return configured;
  return `${homeOf(env)}/.config`;
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
    return checkConfig(JSON.parse(readText(file)), file);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // What the parser quotes may be part of a token.
    const why = (error as Error).message.replaceAll(/"[^"]*"/g, '…');
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object: ${why}`);
  }
}

/** node:fs costs a hook call 1 ms; it tells why a file cannot be read, and reads what is large. */
function readText(file: string): string {
  return readSmallFile(file) ?? process.getBuiltinModule('node:fs').readFileSync(file, 'utf8');
}

function checkConfig(parsed: unknown, file: string): Readonly<Record<string, string>> {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object`);
  }
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed)) {
    if (POLICY_KEYS.has(key)) {
      // What they say is the daemon's, but for `idleAfter` of `presence`: only the hook can see who is there.
      config[key] = String(value?.idleAfter ?? '');
      continue;
    }
    const option = TABLE.find((entry) => entry.key === key);
    if (option === undefined) throw new AppError('bad-config', `Unknown key ${JSON.stringify(key)} in ${file}`);
    const list = Array.isArray(value) && key === 'userId' && value.every((item) => typeof item === 'string');
    const number = typeof value === 'number' && /TIME|SIZE|PORT/.test(option.value ?? '');
    const fits = option.value === undefined ? typeof value === 'boolean' : typeof value === 'string' || list || number;
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

/** Milliseconds. Throws AppError('usage' | 'bad-config'). */
export function duration({ text, from }: { text: string | undefined; from: string }): number {
  const ms = readDuration(text ?? '');
  if (ms === undefined) throw wrong(from, `to be a time such as 90s, 30m or 500ms, got ${quote(text)}`);
  return ms;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 * 1024 };
const MIN_INPUT_BYTES = 1024;
/** Cards, masks and the audit log take their time with what is large; nobody reads as much. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** `512k`, `2m`, `65536` -> bytes. */
function size({ text, from }: { text: string | undefined; from: string }): number {
  const [, digits = '', unit = ''] = /^(\d+)([km]?)$/i.exec(text ?? '') ?? [];
  const bytes = digits === '' ? Number.NaN : Number(digits) * (UNIT_BYTES[unit.toLowerCase()] ?? Number.NaN);
  if (!(bytes >= MIN_INPUT_BYTES && bytes <= MAX_INPUT_BYTES))
    throw wrong(from, `to be a size such as 512k or 2m, at most 64m, got ${quote(text)}`);
  return bytes;
}

function userIds({ text, from }: { text: string | undefined; from: string }): readonly string[] {
  const ids = (text ?? '').split(',').flatMap((id) => (id.trim() === '' ? [] : [id.trim()]));
  if (text !== undefined && ids.length === 0)
    throw wrong(from, `to name at least one Slack user id, got ${quote(text)}`);
  for (const id of ids) {
    if (!/^[UW][A-Z0-9]{2,}$/.test(id)) {
      throw wrong(from, `to be a Slack user id such as U0123456789, got ${quote(id)}`);
    }
  }
  return [...new Set(ids)];
}

function url({ text, from }: { text: string | undefined; from: string }): string {
  const parsed = URL.parse(text ?? '');
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw wrong(from, `to be an http(s) URL, got ${quote(text)}`);
  }
  // A project's agent settings can set variables; they must not be able to send the tokens anywhere.
  if (from === 'SLACK_API_URL' && !isSlackOrLoopback(parsed)) {
    throw new AppError(
      'bad-config',
      `Expected SLACK_API_URL to be Slack's own or a loopback address, got ${quote(text)}`,
      {
        hint: 'For a gateway, set apiUrl in the config file or give --api-url.',
      },
    );
  }
  return parsed.href.endsWith('/') ? parsed.href : `${parsed.href}/`;
}

function isSlackOrLoopback({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:' && (hostname === 'slack.com' || hostname.endsWith('.slack.com'))) return true;
  return isLoopback(hostname);
}

/** A wrong flag is a wrong command line; a wrong variable or file is not. */
function wrong(from: string, expected: string): AppError {
  return new AppError(from.startsWith('--') ? 'usage' : 'bad-config', `Expected ${from} ${expected}`);
}

function quote(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text);
}
