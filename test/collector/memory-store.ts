/** A store of events in memory, by value, for tests: the contract of src/events.ts and nothing else. */
import { matches } from '../../src/collector/event-match.ts';
import { AppError } from '../../src/errors.ts';
import type { EventRecord, EventStore, SessionRow } from '../../src/events.ts';

export interface MemoryStore extends EventStore {
  /** From now on every call fails, as with a database that is gone. */
  fail(): void;
}

export function createMemoryStore(beginning: readonly EventRecord[] = []): MemoryStore {
  let events = [...beginning];
  let isFailing = false;
  const use = (): void => {
    if (isFailing) throw new AppError('state-dir', 'Expected the store to answer, got nothing');
  };
  return {
    kind: 'jsonl',
    fail: () => {
      isFailing = true;
    },
    append: async (added) => {
      use();
      const known = new Set(events.map(({ id, timestamp }) => `${id} ${timestamp}`));
      const fresh = added.filter(({ id, timestamp }) => !known.has(`${id} ${timestamp}`));
      events = [...events, ...fresh];
      return { stored: fresh.length, duplicates: added.length - fresh.length };
    },
    find: async (filter, limit, order = 'newest') => {
      use();
      const sign = order === 'newest' ? -1 : 1;
      return events
        .filter((event) => matches(filter, event))
        .sort((one, two) => sign * (one.seq - two.seq))
        .slice(0, limit);
    },
    sessions: async (filter, limit) => {
      use();
      const found = events.filter((event) => matches(filter, event));
      return [...Map.groupBy(found, ({ session_id: session }) => session)]
        .map(([session, group]) => sessionRow(session, group))
        .sort((one, two) => two.lastAt - one.lastAt)
        .slice(0, limit);
    },
    count: async () => events.length,
    retain: async () => ({ deleted: [], compressed: [] }),
    check: async () => use(),
    close: async () => {},
  };
}

function sessionRow(session: string, group: readonly EventRecord[]): SessionRow {
  const times = group.map(({ timestamp }) => Date.parse(timestamp));
  return {
    session,
    agent: group.find(({ agent }) => agent !== null)?.agent ?? null,
    project: group.find(({ project }) => project !== null)?.project ?? null,
    events: group.length,
    firstAt: Math.min(...times),
    lastAt: Math.max(...times),
  };
}
