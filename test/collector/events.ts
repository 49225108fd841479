/** Events for tests. */
import type { EventKind, EventRecord } from '../../src/events.ts';

const KINDS: Readonly<Record<string, EventKind>> = {
  SessionStart: 'session.started',
  SessionEnd: 'session.ended',
  UserPromptSubmit: 'prompt.submitted',
  PreToolUse: 'tool.requested',
  PermissionRequest: 'tool.requested',
  PostToolUse: 'tool.completed',
  PostToolUseFailure: 'tool.failed',
  Stop: 'agent.responded',
  Notification: 'notification.reported',
};

let made = 0;

/** An event of Claude Code that arrived when it happened; anything can be said otherwise. */
export function event(type: string, changes: Partial<EventRecord> = {}): EventRecord {
  made += 1;
  const timestamp = changes.timestamp ?? new Date(1_795_000_000_000 + made * 1000).toISOString();
  const id = `00000000-0000-7000-8000-${String(made).padStart(12, '0')}`;
  return {
    ...{
      event_id: id,
      event_type: type,
      session_id: 'session-1',
      workflow_id: null,
      phase_id: null,
      milestone_id: null,
    },
    ...{ data: {}, id, seq: Date.parse(timestamp) * 1000 + (made % 1000), kind: KINDS[type] ?? 'other' },
    ...{ agent: 'claude', project: 'shop', host: 'laptop', tool: null, src: 'http' },
    ...changes,
    timestamp,
  };
}

/** An event of an approval, made by the daemon. */
export function approval(kind: EventKind, id: string, data: object, changes: Partial<EventRecord> = {}): EventRecord {
  return event(kind, { kind, approval_id: id, src: 'approval', tool: 'Bash', data, ...changes });
}
