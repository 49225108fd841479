/** A line of the daemon's log, for people. */
import { encodeInline } from '../channels/visible.ts';
import { isObject } from '../protocol.ts';
import { localTime } from './times.ts';

/** One record as pino writes it. */
export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** pino's number: 10 trace … 60 fatal. */
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** pino's number from which on something is wrong. */
export const WARN = 40;

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
/** Every field that is not shown as one: it stands in front, or is the same in all lines. */
const IN_FRONT: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'pid']);
/** What can stand behind `key=` without quotes. */
const BARE = /^[^\s"=]+$/;

/** Undefined for a line that is no record. */
export function readLogLine(line: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!isObject(value) || typeof value.time !== 'number' || typeof value.level !== 'number') return undefined;
    return { ...value, time: value.time, level: value.level, msg: typeof value.msg === 'string' ? value.msg : '' };
  } catch {
    return undefined;
  }
}

/** Time, level, message and fields on one line, without its end. Nothing in it can move the cursor or begin a line. */
export function headOf(record: LogRecord): string {
  const { time, level, msg } = record;
  const fields = Object.entries(record).flatMap(([key, value]) =>
    IN_FRONT.has(key) ? [] : [`${encodeInline(key)}=${encodeInline(fieldText(value))}`],
  );
  const name = (LEVELS[level] ?? String(level)).padEnd(5);
  return [localTime(time), name, encodeInline(msg), ...fields].filter((part) => part !== '').join(' ');
}

/** The whole record, the stack of an error on lines of its own. A line that is no record is shown as it is. */
export function prettyLine(line: string): string {
  const record = readLogLine(line);
  if (record === undefined) return `${encodeInline(line)}\n`;
  const stack = isObject(record.err) && typeof record.err.stack === 'string' ? record.err.stack : '';
  // The first line is what `err=` says.
  const calls = stack.split('\n').filter((call) => /^\s+at /.test(call));
  return `${[headOf(record), ...calls.map((call) => `    ${encodeInline(call.trim())}`)].join('\n')}\n`;
}

function fieldText(value: unknown): string {
  if (isObject(value) && typeof value.message === 'string' && typeof value.type === 'string') {
    const code = typeof value.code === 'string' ? ` (${value.code})` : '';
    return JSON.stringify(`${value.type}: ${value.message}${code}`);
  }
  if (typeof value === 'string' && BARE.test(value)) return value;
  return JSON.stringify(value);
}
