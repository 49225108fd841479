/** A process that appends until it is killed, and says which batches were accepted: started by the test that kills it. */
import type { EventRecord } from '../../src/events.ts';
import { createPostgresStore } from '../../src/store/event-postgres.ts';
import { uuidOf } from './event-store-contract.ts';

export const BATCH_SIZE = 20;
const AT_ONCE = 6;

/** The same events for the same number in every process. */
export function batchOf(number: number): readonly EventRecord[] {
  return Array.from({ length: BATCH_SIZE }, (_, index): EventRecord => {
    const at = Date.UTC(2026, 0, 5) + number * BATCH_SIZE + index;
    const name = `written ${number} ${index}`;
    return {
      event_id: name,
      event_type: 'PreToolUse',
      session_id: `session ${number % 7}`,
      workflow_id: null,
      phase_id: null,
      milestone_id: null,
      data: { number, index },
      timestamp: new Date(at).toISOString(),
      id: uuidOf(name),
      seq: at * 1000,
      kind: 'tool.requested',
      agent: 'claude',
      project: null,
      host: null,
      tool: null,
      src: 'api',
    };
  });
}

if (import.meta.main) {
  const store = await createPostgresStore({ url: process.env.WRITER_URL ?? '' });
  let next = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      const number = next;
      next += 1;
      await store.append(batchOf(number));
      await Bun.write(Bun.stdout, `${number}\n`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, write));
}
