/** `history`: the requests in the audit log and how they ended; `history verify`: whether the log is what was written. */
import { encodeInline } from '../channels/visible.ts';
import { csvLine } from '../csv.ts';
import { age } from '../durations.ts';
import { AppError, oneLine } from '../errors.ts';
import { escapeHidden } from '../policy/call.ts';
import { statePaths } from '../state.ts';
import { type PastRequest, pastRequests } from '../store/requests.ts';
import { type Verification, verifyLog } from '../store/verify.ts';
import type { Said } from '../types.ts';
import { matchesWildcard } from '../wildcard.ts';
import { localTime } from './times.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

const DECISIONS = ['allowed', 'denied'];
/** How a request can have ended, as `--outcome` takes it. */
export const OUTCOMES = [
  ...DECISIONS,
  'expired',
  'withdrawn',
  'elsewhere',
  'unknown',
  'stopped',
  'undeliverable',
  'open',
];
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Characters of a call and of a tool's name in the plain form, and of a session's id. */
const CALL_WIDTH = 60;
const TOOL_WIDTH = 24;
const SESSION_WIDTH = 8;

/** Throws AppError('usage') for a filter that cannot be understood. */
export function history(flags: Flags, env: Environment, now = Date.now()): Said {
  if (flags.json === true && flags.csv === true)
    throw new AppError('usage', 'Expected one of --json and --csv, got both');
  const requests = pastRequests(statePaths(env).audit, { isWanted: filterOf(flags, now), limit: limitOf(flags.limit) });
  const form = flags.json === true ? jsonLines : flags.csv === true ? csv : plain;
  return { stdout: form(requests), stderr: '', exitCode: 0 };
}

/** Throws AppError('audit-broken'), which names the first place that is not as it was written. */
export function verify(_flags: Flags, env: Environment): Said {
  const result = verifyLog(statePaths(env).audit);
  const [first] = result.findings;
  if (first === undefined) return { stdout: `${inWords(result)}\n`, stderr: '', exitCode: 0 };
  const others = result.findings.length - 1;
  throw new AppError(
    'audit-broken',
    `${first.file}, line ${first.line}: ${first.kind}: ${oneLine(first.what)}${others === 0 ? '' : ` (and ${others} more)`}`,
  );
}

function inWords({ records, files, unchained, torn, retained, end }: Verification): string {
  const parts = [
    `ok: ${records} record${records === 1 ? '' : 's'} in ${files} file${files === 1 ? '' : 's'}`,
    ...(torn === 0 ? [] : [`${torn} line${torn === 1 ? '' : 's'} cut short by a crash`]),
    ...(unchained === 0 ? [] : [`${unchained} line${unchained === 1 ? '' : 's'} from before the chain`]),
    ...(retained === 0 ? [] : [`${retained} old record${retained === 1 ? '' : 's'} deleted as configured`]),
    ...(end.seq === 0 ? [] : [`the last is ${end.seq}, ${end.hash}`]),
  ];
  return parts.join('; ');
}

function filterOf(flags: Flags, now: number): (request: PastRequest) => boolean {
  const { since, session, tool, outcome, approver } = flags;
  const from = typeof since === 'string' ? sinceOf(since, now) : Number.NEGATIVE_INFINITY;
  if (typeof outcome === 'string' && !OUTCOMES.includes(outcome))
    throw new AppError(
      'usage',
      `Expected --outcome to be one of ${OUTCOMES.join(', ')}, got ${JSON.stringify(outcome)}`,
    );
  return (request) =>
    request.at >= from &&
    (typeof session !== 'string' || request.session.startsWith(session)) &&
    (typeof tool !== 'string' || matchesWildcard(tool, request.tool, 'strict')) &&
    (typeof outcome !== 'string' || request.outcome === outcome) &&
    (typeof approver !== 'string' || request.by.includes(approver));
}

/** `2h` ago, or a day from its local midnight on, or a moment; in milliseconds since the epoch. */
function sinceOf(text: string, now: number): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  const isDate = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const at = isDate ? Date.parse(text.includes('T') ? text : `${text}T00:00:00`) : Number.NaN;
  if (Number.isNaN(at))
    throw new AppError(
      'usage',
      `Expected --since to be a time such as 2h or a day such as 2026-11-20, got ${JSON.stringify(text)}`,
    );
  return at;
}

function limitOf(text: string | true | undefined): number {
  const limit = Number(text ?? DEFAULT_LIMIT);
  if (Number.isInteger(limit) && limit > 0 && limit <= MAX_LIMIT) return limit;
  throw new AppError('usage', `Expected --limit to be a number from 1 to ${MAX_LIMIT}, got ${JSON.stringify(text)}`);
}

/** Columns for a terminal: nothing in an agent's text can move the cursor or begin a line. */
function plain(requests: readonly PastRequest[]): string {
  const rows = requests.map(({ at, session, tool, call, outcome, by, waitedMs }) => [
    localTime(at),
    encodeInline(session.slice(0, SESSION_WIDTH)),
    cut(encodeInline(tool), TOOL_WIDTH),
    cut(encodeInline(call), CALL_WIDTH),
    encodeInline(outcome),
    encodeInline(by.join(', ')),
    waitedMs === undefined ? '' : waited(waitedMs),
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(0, ...lengths(rows, column)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function* lengths(rows: readonly (readonly string[])[], column: number): Generator<number> {
  for (const row of rows) yield row[column]?.length ?? 0;
}

function jsonLines(requests: readonly PastRequest[]): string {
  return requests
    .map(({ at, ...request }) => `${escapeHidden(JSON.stringify({ at: new Date(at).toISOString(), ...request }))}\n`)
    .join('');
}

const CSV_HEADER = ['time', 'session', 'tool', 'call', 'outcome', 'by', 'waited_ms'];

function csv(requests: readonly PastRequest[]): string {
  const rows = requests.map(({ at, session, tool, call, outcome, by, waitedMs }) =>
    [new Date(at).toISOString(), session, tool, call, outcome, by.join(' '), waitedMs ?? ''].map(String),
  );
  return [CSV_HEADER, ...rows].map(csvLine).join('');
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** `0.4 s`, `42 s`, `3 min`, `5 h`. */
function waited(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : age(ms);
}
