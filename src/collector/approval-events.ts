/** The daemon's records of approvals -> events, so that what people decided stands among what agents did. */
import type { EventKind, EventRecord } from '../events.ts';
import { isObject } from '../protocol.ts';
import type { AgentName, StoreRecord } from '../types.ts';
import { idOfApproval, isoTime } from './event-identity.ts';
import { projectOf } from './fields.ts';

export interface ApprovalEventsOptions {
  readonly host: string;
  /** See `createSequence`. */
  readonly nextSeq: () => number;
  /** Where a message of Slack's can be opened; undefined when that is not known. */
  readonly linkTo: (conversation: string, message: string) => string | undefined;
}

export interface ApprovalEvents {
  /** The event of a record, with secrets masked as they are in it; undefined for a record that tells nothing of an approval. */
  of(record: StoreRecord): EventRecord | undefined;
}

/** What later records of a request do not repeat. */
type Subject = Pick<EventRecord, 'session_id' | 'agent' | 'project' | 'tool'>;

/** Requests that never come to an end are forgotten, oldest first; more than can be pending. */
const KEPT = 2_000;

export function createApprovalEvents({ host, nextSeq, linkTo }: ApprovalEventsOptions): ApprovalEvents {
  const subjects = new Map<string, Subject>();

  const eventOf = (record: StoreRecord, id: string, kind: EventKind, data: unknown): EventRecord => {
    const subject = subjects.get(id);
    const name = `${kind}:${id}${kind === 'approval.shown' ? `:${record.message}` : ''}`;
    return {
      event_id: name,
      event_type: kind,
      session_id: subject?.session_id ?? 'unknown',
      workflow_id: null,
      phase_id: null,
      milestone_id: null,
      data,
      timestamp: isoTime(record.at),
      id: idOfApproval(subject?.project ?? null, name),
      seq: nextSeq(),
      kind,
      agent: subject?.agent ?? null,
      project: subject?.project ?? null,
      host,
      tool: subject?.tool ?? null,
      src: 'approval',
      approval_id: id,
    };
  };

  return {
    of: (record) => {
      const { type, at: _at, id, ...rest } = record;
      if (typeof id !== 'string') return undefined;
      if (type === 'asked') {
        subjects.set(id, subjectOf(rest));
        const [oldest] = subjects.keys();
        if (subjects.size > KEPT && oldest !== undefined) subjects.delete(oldest);
        const { input, digest, approvers, needed, expiresAt } = rest;
        return eventOf(record, id, 'approval.requested', { digest, approvers, needed, expires_at: expiresAt, input });
      }
      if (type === 'posted') {
        const { approver, conversation, message, complete } = rest;
        const link = linkTo(String(conversation), String(message));
        const card = { approver, conversation, message, complete, ...(link === undefined ? {} : { link }) };
        return eventOf(record, id, 'approval.shown', card);
      }
      if (type !== 'ended') return undefined;
      const { kind: outcome, digest: _digest, masked: _masked, ...more } = rest;
      const isDecided = outcome === 'allowed' || outcome === 'denied';
      const event = eventOf(record, id, isDecided ? 'approval.decided' : 'approval.ended', { outcome, ...more });
      subjects.delete(id);
      return event;
    },
  };
}

function subjectOf({ agent, input }: Readonly<Record<string, unknown>>): Subject {
  const { session_id, cwd, tool_name } = isObject(input) ? input : {};
  return {
    session_id: typeof session_id === 'string' ? session_id : 'unknown',
    agent: typeof agent === 'string' ? (agent as AgentName) : null,
    project: projectOf(cwd) ?? null,
    tool: typeof tool_name === 'string' ? tool_name : null,
  };
}
