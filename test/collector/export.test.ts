import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { exportOf } from '../../src/collector/export.ts';
import { csvLine } from '../../src/csv.ts';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { event } from './events.ts';
import { createMemoryStore } from './memory-store.ts';

/** As RFC 4180 has it: one line's cells. */
function cellsOf(line: string): readonly string[] {
  const cells: string[] = [];
  let rest = line.replace(/\r\n$/, '');
  for (;;) {
    const [whole = '', quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^,]*))/.exec(rest) ?? [];
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (rest.length === whole.length) return cells;
    rest = rest.slice(whole.length + 1);
  }
}

describe('a line of a table', () => {
  test('is read back as it was, but for what a spreadsheet would run', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.constantFrom('=1+1', '+1', '-1', '@a', '\t=1', '\r=1', 'a,b', '"', '""', '\r\n', ''),
          ),
          { minLength: 1 },
        ),
        (cells) => {
          const back = cellsOf(csvLine(cells));
          expect(back).toHaveLength(cells.length);
          for (const [index, cell] of back.entries()) {
            expect(cell).not.toMatch(/^[=+\-@\t\r]/);
            expect(cell.replace(/^'(?=[=+\-@\t\r])/, '')).toBe(cells[index]?.replace(/^'(?=[=+\-@\t\r])/, '') ?? '');
          }
        },
      ),
      { numRuns: 1_000 },
    ));
});

describe('an export', () => {
  test('holds one page in memory, and reads on only as fast as it is read', async () => {
    const events = Array.from({ length: 10_000 }, (_, index) => event('x', { data: { index } }));
    const memory = createMemoryStore(events);
    let asked = 0;
    const store: Pick<EventStore, 'find'> = {
      find: (...given) => {
        asked += 1;
        return memory.find(...given);
      },
    };
    const stream = await exportOf(store, {}, 'json');
    const reader = stream.getReader();
    await reader.read();
    expect(asked).toBeLessThanOrEqual(3);
    await reader.cancel();
    const before = asked;
    await Promise.resolve();
    expect(asked).toBe(before);
  });

  test('that breaks off in the middle fails for whoever reads it, and cannot be taken for a whole one', async () => {
    const events = Array.from({ length: 3_000 }, () => event('x'));
    const memory = createMemoryStore(events);
    let asked = 0;
    const store: Pick<EventStore, 'find'> = {
      find: (...given) => {
        asked += 1;
        return asked > 2 ? Promise.reject(new Error('gone')) : memory.find(...given);
      },
    };
    for (const form of ['json', 'csv'] as const) {
      asked = 0;
      const text = await new Response(await exportOf(store, {}, form)).text().catch(() => 'broken off');
      expect(text).toBe('broken off');
    }
  });

  test('is whole however many pages it has', async () => {
    for (const count of [0, 1, 999, 1_000, 1_001, 2_000]) {
      const events = Array.from({ length: count }, (_, index) => event('x', { data: index }));
      const store = createMemoryStore(events);
      const json = (await new Response(await exportOf(store, {}, 'json')).json()) as EventRecord[];
      expect(json.map(({ data }) => data)).toEqual(events.map(({ data }) => data));
      const csv = await new Response(await exportOf(store, {}, 'csv')).text();
      expect(csv.split('\r\n')).toHaveLength(count + 2);
    }
  });
});
