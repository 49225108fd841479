/** A session as a story: prompt, tool call, wait, decision, result, in the order in which they happened. */
import type { EventRecord } from '../events.ts';
import { type Approval, foldApproval } from './approval.ts';
import { callLine } from './call-line.ts';
import { fieldsOf, numberOf, textOf } from './fields.ts';

/** One tool call with everything that belongs to it; each part where it is known. Times in milliseconds since the epoch. */
export interface CallItem {
  readonly type: 'call';
  readonly at: number;
  readonly tool: string | null;
  /** Not encoded. */
  readonly call: string;
  readonly asked?: EventRecord;
  readonly approval?: Approval;
  readonly result?: EventRecord;
  /** From the agent itself, else between its two events. */
  readonly ms?: number;
}

/** What is no tool call. */
export interface EventItem {
  readonly type: 'event';
  readonly at: number;
  readonly event: EventRecord;
}

export type TimelineItem = CallItem | EventItem;

/** What is known of a call while the events are read. */
interface Call {
  at: number;
  tool: string | null;
  call: string;
  toolUseId?: string;
  asked?: EventRecord;
  approvalId?: string;
  result?: EventRecord;
}

/** @param events of one session, in any order */
export function timelineOf(events: readonly EventRecord[]): readonly TimelineItem[] {
  const sorted = events
    .map((event) => ({ event, at: Date.parse(event.timestamp) }))
    .sort((one, two) => one.at - two.at || one.event.seq - two.event.seq);
  const approvals = foldAll(events);
  const calls: Call[] = [];
  const items: (EventItem | { readonly type: 'pending'; readonly at: number; readonly call: Call })[] = [];
  for (const { event, at } of sorted) {
    const call = callOf(event, calls, approvals);
    if (call === undefined) items.push({ type: 'event', at, event });
    else if (call.isNew) {
      calls.push(call.call);
      items.push({ type: 'pending', at, call: call.call });
    }
  }
  return items.map((item) => (item.type === 'event' ? item : finished(item.call, approvals)));
}

function foldAll(events: readonly EventRecord[]): ReadonlyMap<string, Approval> {
  const approvals = new Map<string, Approval>();
  for (const event of events) {
    const { approval_id: id } = event;
    const approval = id === undefined ? undefined : foldApproval(approvals.get(id), event);
    if (id !== undefined && approval !== undefined) approvals.set(id, approval);
  }
  return approvals;
}

/** The call that an event belongs to, changed by it; undefined for an event that is about no call. */
function callOf(
  event: EventRecord,
  calls: readonly Call[],
  approvals: ReadonlyMap<string, Approval>,
): { readonly call: Call; readonly isNew: boolean } | undefined {
  if (event.approval_id !== undefined) return approvalCall(event, calls, approvals.get(event.approval_id));
  if (event.kind === 'tool.requested') return requestedCall(event, calls);
  if (event.kind === 'tool.completed' || event.kind === 'tool.failed') return resultCall(event, calls);
  return undefined;
}

/**
 * The approval's id, else that of the call, else the last call of the same tool with the same arguments that is still open.
 * Of an approval whose request is not among the events nobody knows which call it was about.
 */
function approvalCall(event: EventRecord, calls: readonly Call[], approval: Approval | undefined) {
  const { approval_id: id = '' } = event;
  const known = calls.find(({ approvalId }) => approvalId === id);
  if (known !== undefined) return { call: known, isNew: false };
  const { call: line = '', toolUseId, isRequestKnown = false } = approval ?? {};
  const fits = calls.findLast(
    (call) =>
      isRequestKnown &&
      call.approvalId === undefined &&
      (toolUseId !== undefined && call.toolUseId !== undefined
        ? call.toolUseId === toolUseId
        : call.result === undefined && call.tool === event.tool && isSameCall(call.call, line)),
  );
  const call = fits ?? { ...begun(event), call: line };
  call.approvalId = id;
  return { call, isNew: fits === undefined };
}

/** @param line as an approval holds it, which cuts it */
function isSameCall(call: string, line: string): boolean {
  return line === '' ? call === '' : call.startsWith(line);
}

/** Claude Code tells of a call by PreToolUse, and of its own question by PermissionRequest, which has no id. */
function requestedCall(event: EventRecord, calls: readonly Call[]) {
  const fresh = { ...begun(event), asked: event };
  const same = calls.findLast(
    (call) =>
      call.result === undefined &&
      (fresh.toolUseId === undefined || call.toolUseId === undefined
        ? call.tool === fresh.tool && call.call === fresh.call && (call.asked === undefined || isQuestion(event))
        : call.toolUseId === fresh.toolUseId),
  );
  if (same === undefined) return { call: fresh, isNew: true };
  same.asked ??= event;
  if (fresh.toolUseId !== undefined) same.toolUseId = fresh.toolUseId;
  return { call: same, isNew: false };
}

function isQuestion({ event_type: type }: EventRecord): boolean {
  return type === 'PermissionRequest' || type === 'permission.asked';
}

function resultCall(event: EventRecord, calls: readonly Call[]) {
  const fresh = begun(event);
  const fits = (call: Call): boolean =>
    fresh.toolUseId === undefined || call.toolUseId === undefined
      ? call.tool === fresh.tool && (call.call === fresh.call || fresh.call === '')
      : call.toolUseId === fresh.toolUseId;
  const call = calls.findLast((candidate) => candidate.result === undefined && fits(candidate)) ?? fresh;
  call.result = event;
  return { call, isNew: call === fresh };
}

function begun(event: EventRecord): Call {
  const data = fieldsOf(event.data);
  const toolUseId = textOf(data, 'tool_use_id', 'tool_call_id', 'call_id');
  return {
    at: Date.parse(event.timestamp),
    tool: event.tool,
    call: callLine(data.tool_input ?? {}) || (textOf(data, 'command', 'file_path') ?? ''),
    ...(toolUseId === undefined ? {} : { toolUseId }),
  };
}

function finished(call: Call, approvals: ReadonlyMap<string, Approval>): CallItem {
  const { at, asked, result, approvalId = '' } = call;
  const approval = approvals.get(approvalId);
  const ms = tookMs(asked, result, approval);
  return {
    ...{ type: 'call', at, ...shownCall(call, approval) },
    ...(asked === undefined ? {} : { asked }),
    ...(approval === undefined ? {} : { approval }),
    ...(result === undefined ? {} : { result }),
    ...(ms === undefined ? {} : { ms }),
  };
}

/**
 * What people were asked about, where they were: an agent, or whoever else may send events, could tell of another call by the
 * same id, and its words would stand beside a person's name.
 */
function shownCall({ tool, call }: Call, approval: Approval | undefined): Pick<CallItem, 'tool' | 'call'> {
  if (approval?.isRequestKnown !== true) return { tool, call };
  const isCut = call.length > approval.call.length && isSameCall(call, approval.call);
  return { tool: approval.tool ?? tool, call: isCut ? `${approval.call}…` : approval.call };
}

/** Without what it waited for people. */
function tookMs(asked: EventRecord | undefined, result: EventRecord | undefined, approval: Approval | undefined) {
  if (result === undefined) return undefined;
  const own = numberOf(fieldsOf(result.data), 'duration_ms');
  if (own !== undefined) return own;
  const from = approval?.end?.at ?? (asked === undefined ? undefined : Date.parse(asked.timestamp));
  return from === undefined ? undefined : Math.max(0, Date.parse(result.timestamp) - from);
}
