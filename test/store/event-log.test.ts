import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '../../src/events.ts';
import { createEventLog, type EventLogOptions } from '../../src/store/event-log.ts';
import { eventStoreContract, type OpenedEventStore } from './event-store-contract.ts';

async function openLog(options: Partial<EventLogOptions>): Promise<OpenedEventStore> {
  const directory = mkdtempSync(join(tmpdir(), 'csh-events-'));
  const path = join(directory, 'analytics/events.jsonl');
  let store: EventStore = await createEventLog({ path, ...options });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await createEventLog({ path, ...options });
      return store;
    },
    dispose: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

eventStoreContract('the event log', () => openLog({}));
// Every few events fill a file.
eventStoreContract('the event log in small files', () => openLog({ segmentBytes: 2048 }));
