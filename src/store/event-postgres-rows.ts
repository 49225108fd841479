/** Events as rows of PostgreSQL and back. */
import type { EventRecord } from '../events.ts';

/** Every column, the key of the record that it holds, and its type. */
const COLUMNS = [
  ['ts', 'timestamp', 'timestamptz'],
  ['id', 'id', 'uuid'],
  ['seq', 'seq', 'bigint'],
  ['event_id', 'event_id', 'text'],
  ['event_type', 'event_type', 'text'],
  ['session_id', 'session_id', 'text'],
  ['workflow_id', 'workflow_id', 'text'],
  ['phase_id', 'phase_id', 'text'],
  ['milestone_id', 'milestone_id', 'text'],
  ['data', 'data', 'json'],
  ['kind', 'kind', 'text'],
  ['agent', 'agent', 'text'],
  ['project', 'project', 'text'],
  ['host', 'host', 'text'],
  ['tool', 'tool', 'text'],
  ['src', 'src', 'text'],
  ['approval_id', 'approval_id', 'text'],
  ['meta', 'meta', 'json'],
  ['extra', 'extra', 'json'],
  ['flags', 'flags', 'json'],
  ['is_undated', 'is_undated', 'boolean'],
] as const;

export const COLUMN_NAMES = COLUMNS.map(([column]) => column).join(', ');
const KEYS = COLUMNS.map(([, key]) => `r."${key}"`).join(', ');

/**
 * All events as one parameter of JSON, which is what the record is anyway: no limit of parameters, one prepared statement for
 * every number of events, and the least work here. Measured on 2 cores with 1,000 events a statement: 1.5 µs a event here and
 * 18 µs at the server; rows of bound parameters took 2.3 and 15–17 µs.
 */
const RECORDS = `json_to_recordset($1::text::json) as r(${COLUMNS.map(([, key, type]) => `"${key}" ${type}`).join(', ')})`;

export const INSERT = `insert into hook_events (${COLUMN_NAMES}) select ${KEYS} from ${RECORDS} on conflict do nothing`;

/** The same for events of which some are known by their id alone. */
export const INSERT_UNDATED = `with fresh as (
    insert into hook_event_ids (id, ts) select r.id, r."timestamp" from ${RECORDS} where r.is_undated
    on conflict do nothing returning id
  )
  insert into hook_events (${COLUMN_NAMES}) select ${KEYS} from ${RECORDS}
  where r.is_undated is not true or r.id in (select id from fresh) on conflict do nothing`;

/** How many of these stand there as handed over: `seq` tells an event from its second delivery. */
export const COUNT_STORED = `select count(*)::int as stored from ${RECORDS}
  join hook_events e on e.ts = r."timestamp" and e.id = r.id and e.seq = r.seq`;

/** Times and numbers in forms that no setting of the server changes. */
export const SELECTED = COLUMNS.map(([column]) =>
  column === 'ts' ? '(extract(epoch from ts) * 1000)::float8 as ts' : column === 'seq' ? 'seq::float8 as seq' : column,
).join(', ');

/** The parameter of the statements above. In the order of ids, so that two that hold the same events never wait for each other. */
export function encodeEvents(events: readonly EventRecord[]): string {
  const sorted = events.length === 1 ? events : events.toSorted(byIdentity);
  return JSON.stringify(sorted.some(isOddYear) ? sorted.map(withReadableYear) : sorted);
}

function byIdentity(a: EventRecord, b: EventRecord): number {
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0;
}

/** NUL and lone surrogates in JSON, which PostgreSQL takes in no text; nothing of the kind should come, and it must not block the rest. */
export function withoutOddCharacters(json: string): string {
  return json.replace(/\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, (found) => (found === '\\\\' ? found : '\\ufffd'));
}

function isOddYear({ timestamp }: EventRecord): boolean {
  return timestamp.length !== 24 || timestamp.startsWith('0000');
}

/** PostgreSQL writes years after 9999 without a sign and counts those before 1 from there; it has none before 4713 BC. */
function withReadableYear(event: EventRecord): EventRecord {
  const [, sign = '', digits = '0', rest = ''] = /^([+-]?)(\d+)(-.*)$/.exec(event.timestamp) ?? [];
  const year = Number(`${sign}${digits}`);
  if (year > 0) return { ...event, timestamp: `${String(year).padStart(4, '0')}${rest}` };
  const before = 1 - year;
  const timestamp = before > 4712 ? '4713-01-01T00:00:00.000Z BC' : `${String(before).padStart(4, '0')}${rest} BC`;
  return { ...event, timestamp };
}

type Row = { readonly [Column in (typeof COLUMNS)[number][0]]: never } & { readonly ts: number; readonly seq: number };

/** A row of `SELECTED` as the event that was stored. */
export function decodeRow(row: Row): EventRecord {
  return {
    event_id: row.event_id,
    event_type: row.event_type,
    session_id: row.session_id,
    workflow_id: row.workflow_id,
    phase_id: row.phase_id,
    milestone_id: row.milestone_id,
    data: row.data,
    timestamp: new Date(row.ts).toISOString(),
    id: row.id,
    seq: row.seq,
    kind: row.kind,
    agent: row.agent,
    project: row.project,
    host: row.host,
    tool: row.tool,
    src: row.src,
    ...(row.approval_id === null ? {} : { approval_id: row.approval_id }),
    ...(row.meta === null ? {} : { meta: row.meta }),
    ...(row.extra === null ? {} : { extra: row.extra }),
    ...(row.flags === null ? {} : { flags: row.flags }),
    ...(row.is_undated === null ? {} : { is_undated: true }),
  };
}
