/** Whether an event is one of those that somebody looks for: what the stores do, for events that have just arrived. */
import type { EventFilter, EventRecord } from '../events.ts';

/** Everything that is given must hold; see `EventFilter`. */
export function matches(filter: EventFilter, event: EventRecord): boolean {
  const { session, kind, type, agent, project, tool, text, from, to, beforeSeq, afterSeq } = filter;
  if (session !== undefined && event.session_id !== session) return false;
  if (kind !== undefined && !isOfKind(kind, event.kind)) return false;
  if (type !== undefined && event.event_type !== type) return false;
  if (agent !== undefined && event.agent !== agent) return false;
  if (project !== undefined && event.project !== project) return false;
  if (tool !== undefined && event.tool !== tool) return false;
  if (beforeSeq !== undefined && event.seq >= beforeSeq) return false;
  if (afterSeq !== undefined && event.seq <= afterSeq) return false;
  return isInTime(event, from, to) && (text === undefined || hasText(event, text));
}

function isOfKind(wanted: string, kind: string): boolean {
  return wanted.endsWith('.') ? kind.startsWith(wanted) : kind === wanted;
}

function isInTime(event: EventRecord, from: number | undefined, to: number | undefined): boolean {
  if (from === undefined && to === undefined) return true;
  const at = Date.parse(event.timestamp);
  return (from === undefined || at >= from) && (to === undefined || at < to);
}

function hasText(event: EventRecord, text: string): boolean {
  const wanted = text.toLowerCase();
  const has = (part: string | null): boolean => part?.toLowerCase().includes(wanted) === true;
  return (
    [event.event_type, event.session_id, event.tool, event.project].some(has) || has(JSON.stringify(event.data) ?? null)
  );
}
