/** One event of a request's body -> the record of it, or what is wrong with it. */
import * as v from 'valibot';
import type { EventRecord, EventSource } from '../events.ts';
import { isObject } from '../protocol.ts';
import type { AgentName } from '../types.ts';
import { idOfApproval, idOfName, isoTime, newId, readTime, timeOfId } from './event-identity.ts';
import { agentOf, kindOf } from './event-kinds.ts';
import { projectOf } from './fields.ts';

/** Who sends, and how: the same for all events of a request. */
export interface Sender {
  readonly src: EventSource;
  /** Of the key; no sender can change it. */
  readonly project?: string | undefined;
  /** As the sender says it. */
  readonly statedProject?: string | undefined;
  /** Of the place that was posted to. */
  readonly agent?: AgentName;
  readonly meta?: Readonly<Record<string, string>>;
  /** Names the request: a second one of this name brings nothing new. */
  readonly idempotencyKey?: string;
  /** Whose request that is: what two senders call the same is not. */
  readonly principal?: string;
  /** Whether it may tell of approvals. */
  readonly isTrusted: boolean;
  /** Whether NUL or half pairs were replaced in the body. */
  readonly isChanged?: boolean;
}

/** `form` is how the event was written, which the answer follows: as an agent's hook input, or as a typed event. */
export type Normalised =
  | { readonly ok: true; readonly record: EventRecord; readonly form: 'hook' | 'typed' }
  | { readonly ok: false; readonly path: string };

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly nextSeq: () => number;
}

const MAX_NAME = 256;
/** More is no name of one event. */
const MAX_EVENT_ID = 128;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME));
const optionalName = v.nullish(v.union([v.pipe(v.string(), v.maxLength(MAX_NAME)), v.number()]));
const envelope = {
  session_id: optionalName,
  event_id: v.nullish(v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_EVENT_ID))),
};
const typedEvent = v.looseObject({
  ...envelope,
  event_type: name,
  workflow_id: optionalName,
  phase_id: optionalName,
  milestone_id: optionalName,
});
const hookEvent = v.looseObject({ ...envelope, hook_event_name: name });

/** What a typed event's body has a place for. */
const TYPED_KEYS: ReadonlySet<string> = new Set([
  ...['event_id', 'event_type', 'session_id', 'workflow_id', 'phase_id', 'milestone_id', 'data', 'timestamp'],
]);
/** What our own daemons say of approvals beside. */
const TRUSTED_KEYS: ReadonlySet<string> = new Set(['approval_id', 'agent', 'project', 'host', 'tool']);

/** @param index its place in the request */
export function normalise(body: unknown, index: number, sender: Sender, moment: Moment): Normalised {
  if (!isObject(body)) return { ok: false, path: '' };
  if (body.event_type !== undefined) {
    const checked = v.safeParse(typedEvent, body, { abortEarly: true });
    if (!checked.success) return { ok: false, path: pathOf(checked.issues[0]) };
    return { ok: true, form: 'typed', record: typed(body, checked.output, index, sender, moment) };
  }
  // Some senders wrap the hook's input.
  const input = body.hook_event_name === undefined && isObject(body.hook) ? body.hook : body;
  if (input.hook_event_name === undefined) return { ok: false, path: 'event_type' };
  const checked = v.safeParse(hookEvent, input, { abortEarly: true });
  if (!checked.success) return { ok: false, path: pathOf(checked.issues[0]) };
  return { ok: true, form: 'hook', record: hook(body, checked.output, index, sender, moment) };
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  return String(issue.path?.[0]?.key ?? '');
}

type Typed = v.InferOutput<typeof typedEvent>;

/** @param body as it came: what was checked has lost keys such as `__proto__` */
function typed(
  body: Readonly<Record<string, unknown>>,
  checked: Typed,
  index: number,
  sender: Sender,
  moment: Moment,
): EventRecord {
  const { event_id, event_type, session_id, workflow_id, phase_id, milestone_id } = checked;
  const { data } = body;
  const isTrusted = sender.isTrusted && event_type.startsWith('approval.');
  const stated = isTrusted ? textOf(body.project) : sender.statedProject;
  const project = sender.project ?? stated ?? projectOf(isObject(data) ? data.cwd : undefined) ?? null;
  const idOf = isTrusted ? idOfApproval : idOfName;
  const identity = identify(event_id, body.timestamp, (name) => idOf(project, name), index, sender, moment);
  const kept = (key: string): boolean => TYPED_KEYS.has(key) || (isTrusted && TRUSTED_KEYS.has(key));
  const extra = Object.fromEntries(Object.entries(body).filter(([key]) => !kept(key)));
  if (identity.isTimeLost) extra.timestamp = body.timestamp;
  const approval = isTrusted ? textOf(body.approval_id) : undefined;
  return {
    event_id: identity.eventId,
    event_type,
    session_id: nameOf(session_id) ?? 'unknown',
    workflow_id: nameOf(workflow_id) ?? null,
    phase_id: nameOf(phase_id) ?? null,
    milestone_id: nameOf(milestone_id) ?? null,
    data: data ?? {},
    timestamp: isoTime(identity.at),
    id: identity.id,
    seq: moment.nextSeq(),
    kind: kindOf(event_type, sender.isTrusted),
    agent: sender.agent ?? (isTrusted ? (textOf(body.agent) as AgentName | undefined) : undefined) ?? null,
    project,
    host: (isTrusted ? textOf(body.host) : undefined) ?? null,
    tool: (isTrusted ? textOf(body.tool) : isObject(data) ? textOf(data.tool_name) : undefined) ?? null,
    src: isTrusted ? 'approval' : sender.src,
    ...(approval === undefined ? {} : { approval_id: approval }),
    ...(sender.meta === undefined ? {} : { meta: sender.meta }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
    ...flagsOf(sender, identity),
  };
}

type Hook = v.InferOutput<typeof hookEvent>;

function hook(
  body: Readonly<Record<string, unknown>>,
  input: Hook,
  index: number,
  sender: Sender,
  moment: Moment,
): EventRecord {
  const { hook_event_name, session_id, cwd, custom_metadata: enriched } = input;
  const project = sender.project ?? sender.statedProject ?? projectOf(cwd) ?? null;
  const eventId = input.event_id ?? textOf(body.event_id, MAX_EVENT_ID);
  const time = input.timestamp ?? body.timestamp;
  const identity = identify(eventId, time, (name) => idOfName(project, name), index, sender, moment);
  const agent = sender.agent ?? agentOf(input, hook_event_name);
  return {
    event_id: identity.eventId,
    event_type: hook_event_name,
    session_id: nameOf(session_id) ?? nameOf(input.conversation_id) ?? nameOf(body.session_id) ?? 'unknown',
    workflow_id: null,
    phase_id: null,
    milestone_id: null,
    data: body,
    timestamp: isoTime(identity.at),
    id: identity.id,
    seq: moment.nextSeq(),
    kind: kindOf(hook_event_name, false),
    agent,
    project,
    host: (isObject(enriched) ? textOf(enriched.hostname) : undefined) ?? null,
    tool: textOf(input.tool_name) ?? null,
    src: sender.src,
    ...(sender.meta === undefined ? {} : { meta: sender.meta }),
    ...flagsOf(sender, identity),
  };
}

interface Identity {
  readonly eventId: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Its time says nothing about which event it is. */
  readonly isUndated: boolean;
  /** It was said, and could not be read. */
  readonly isTimeLost: boolean;
}

function identify(
  given: string | null | undefined,
  time: unknown,
  idOf: (name: string) => string,
  index: number,
  { idempotencyKey, principal = '' }: Sender,
  { now }: Moment,
): Identity {
  const said = readTime(time);
  const isTimeLost = said === undefined && time !== undefined && time !== null;
  const eventId = given ?? (idempotencyKey === undefined ? undefined : `${idempotencyKey}#${index}`);
  if (eventId === undefined) {
    const id = newId();
    return { eventId: id, id, at: said ?? now, isUndated: false, isTimeLost };
  }
  const at = said ?? timeOfId(eventId);
  // A request's own name names its events whatever time they say: whoever sends it again may have dated it again.
  const isOfRequest = (given ?? undefined) === undefined;
  const id = idOf(isOfRequest ? `${principal}\0${eventId}` : eventId);
  return { eventId, id, at: at ?? now, isUndated: at === undefined || isOfRequest, isTimeLost };
}

function flagsOf(
  { isChanged = false }: Sender,
  { isTimeLost, isUndated }: Identity,
): Pick<EventRecord, 'flags' | 'is_undated'> {
  const flags = [...(isChanged ? ['text'] : []), ...(isTimeLost ? ['timestamp'] : [])];
  return { ...(flags.length === 0 ? {} : { flags }), ...(isUndated ? { is_undated: true } : {}) };
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : textOf(value);
}

/** A text that is not empty and no longer than a name may be. */
function textOf(value: unknown, most = MAX_NAME): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= most ? value : undefined;
}
