/** A directory for an event log, and a look at what lies there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { createEventLog, type EventLogOptions } from '../../src/store/event-log.ts';

export interface EventPlace {
  readonly directory: string;
  readonly path: string;
  open(options?: Partial<EventLogOptions>): Promise<EventStore>;
  /** The names there, without indexes. */
  names(): string[];
  /** What all files hold, oldest first, by other means than the store's. Throws for a line that is no JSON. */
  records(): EventRecord[];
  dispose(): Promise<void>;
}

export function eventPlace(): EventPlace {
  const root = mkdtempSync(join(tmpdir(), 'csh-events-'));
  const directory = join(root, 'some/analytics');
  const path = join(directory, 'events.jsonl');
  const opened: EventStore[] = [];
  const names = (): string[] => readdirSync(directory).filter((name) => !/\.idx(\.tmp)?$/.test(name));
  return {
    directory,
    path,
    names,
    open: async (options = {}) => {
      const store = await createEventLog({ path, ...options });
      opened.push(store);
      return store;
    },
    records: () =>
      names()
        .sort((a, b) => Number(a === 'events.jsonl') - Number(b === 'events.jsonl') || a.localeCompare(b))
        .flatMap((name) => linesIn(join(directory, name)).map((line) => JSON.parse(line))),
    dispose: async () => {
      await Promise.all(opened.map((store) => store.close()));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The lines of a file, unpacked where it is compressed. The last one must end too. */
export function linesIn(path: string): string[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') && bytes.length > 0 ? gunzipSync(bytes) : bytes).toString();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error(`Expected ${path} to end with a line, got half of one`);
  return lines;
}
