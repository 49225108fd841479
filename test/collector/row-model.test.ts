import { expect, test } from 'bun:test';
import { typeOf } from '../../src/collector/event-words.ts';
import { createIngestRoutes } from '../../src/collector/ingest-routes.ts';
import type { Principal } from '../../src/collector/keys.ts';
import { rowModel } from '../../src/collector/row-model.ts';
import type { EventRecord } from '../../src/events.ts';
import { event } from './events.ts';

/** What the routes make of a request, with a key that may send. */
async function received(body: unknown, headers: Record<string, string> = {}): Promise<EventRecord> {
  const taken: EventRecord[] = [];
  const routes = createIngestRoutes({
    ingest: {
      offer: async (events) => {
        taken.push(...events);
        return true;
      },
    },
    metrics: { received: () => {} },
    rateLimit: { take: () => 0 },
    ...{ nextSeq: () => 1, now: () => 0, total: () => 0, logger: { warn: () => {} } },
  });
  const principal: Principal = { id: 'agent', scopes: new Set(['ingest']) };
  const request = new Request('http://localhost/events', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  expect((await routes.single(request, principal)).status).toBeLessThan(300);
  const [first] = taken;
  if (first === undefined) throw new Error('Expected an event, got none');
  return first;
}

const HOOK = { hook_event_name: 'Stop', session_id: 'session-1' };

test('a session has the name that its sender gave it in a header', async () => {
  const named = await received(HOOK, { 'X-Session-Name': 'night shift' });
  expect(rowModel(named, 0).session.name).toBe('night shift · session-1');
  const unnamed = await received(HOOK, { 'X-Session-Name': 'unknown' });
  expect(rowModel(unnamed, 0).session.name).toBe('session-1');
});

test('what calls itself an approval and is none says so in its row', async () => {
  const forged = await received({
    ...{
      event_type: 'approval.decided',
      approval_id: 'one',
      data: { outcome: 'allowed', message: 'allowed by Alice' },
    },
  });
  expect(rowModel(forged, 0)).toMatchObject({ type: 'unproven: approval.decided', tone: 'plain', icon: 'dot' });
  expect(forged.approval_id).toBeUndefined();
});

test('only what calls itself an approval gets that word', () => {
  expect(typeOf(event('approval.decided', { kind: 'approval.decided' }))).toBe('approval.decided');
  expect(typeOf(event('Approval_made', { kind: 'other' }))).toBe('Approval_made');
  expect(typeOf(event(' APPROVAL.ended', { kind: 'other' }))).toBe('unproven:  APPROVAL.ended');
  expect(typeOf(event('ToolUse', { kind: 'other' }))).toBe('ToolUse');
});
