/** Whatever happens to an event log, what it has answered for is in it, and once. */
import { expect, test } from 'bun:test';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { eventPlace } from './event-place.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';

const DAY_MS = 86_400_000;
const BASE = Date.now() * 1000 + 7;

type Step =
  | { readonly do: 'append'; readonly batches: readonly (readonly number[])[] }
  | { readonly do: 'crash'; readonly cut: number }
  | { readonly do: 'reopen' }
  | { readonly do: 'lose an index'; readonly which: number }
  | { readonly do: 'retain'; readonly days: number };

const number = fc.nat(60);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('append' as const),
      batches: fc.array(fc.array(number, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ do: fc.constant('crash' as const), cut: fc.nat(2000) }),
    fc.record({ do: fc.constant('reopen' as const) }),
    fc.record({ do: fc.constant('lose an index' as const), which: fc.nat(10) }),
    fc.record({ do: fc.constant('retain' as const), days: fc.constantFrom(0, 2) }),
  ),
  { maxLength: 25 },
);

/** Always the same event for a number: some named by their sender, some also dated, some approvals, in several sessions. */
function createEvents(): (number: number) => EventRecord {
  const made = new Map<number, EventRecord>();
  return (wanted) => {
    const changes = {
      session_id: `s${wanted % 5}`,
      data: { text: 'ü\u2028"'.repeat(wanted) },
      // Not in the order in which they come, and like no other event's.
      seq: BASE + ((wanted * 37) % 61) * 1_000_000,
      ...(wanted % 7 === 0 ? { kind: 'approval.requested' as const, approval_id: `a${wanted}` } : {}),
      ...(wanted % 4 === 0 ? { is_undated: true as const } : {}),
    };
    const event = made.get(wanted) ?? aNamedEvent(`evt ${wanted}`, changes);
    made.set(wanted, event);
    return event;
  };
}

test('nothing that was answered for is lost or doubled by crashes, lost indexes and retention', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(1, 3000, 20_000), async (todo, segmentBytes) => {
      const place = eventPlace();
      let store: EventStore = await place.open({ segmentBytes });
      const eventOf = createEvents();
      const stored = new Map<string, EventRecord>();
      const reopen = async (between: () => void = () => {}): Promise<void> => {
        await store.close();
        between();
        store = await place.open({ segmentBytes });
      };
      const take = async (step: Step): Promise<void> => {
        if (step.do === 'append') {
          const before = stored.size;
          const results = await Promise.all(step.batches.map((batch) => store.append(batch.map(eventOf))));
          for (const event of step.batches.flat().map(eventOf)) stored.set(event.id, event);
          expect(results.reduce((sum, result) => sum + result.stored, 0)).toBe(stored.size - before);
          expect(results.reduce((sum, result) => sum + result.stored + result.duplicates, 0)).toBe(
            step.batches.flat().length,
          );
        } else if (step.do === 'crash') {
          // A batch that was not answered for, of which so much has come to the disk.
          const lost = [anEvent({ tool: 'lost' }), anEvent({ tool: 'lost', data: 'ü𝕏'.repeat(100) })];
          await reopen(() => {
            const size = statSync(place.path).size;
            const bytes = Buffer.from(lost.map((event) => `${JSON.stringify(event)}\n`).join(''));
            const torn = bytes.subarray(0, step.cut % bytes.length);
            appendFileSync(place.path, torn);
            expect(statSync(place.path).size).toBe(size + torn.length);
          });
          const kept = await store.find({ tool: 'lost' }, 100);
          for (const event of kept) stored.set(event.id, event);
        } else if (step.do === 'retain') {
          await store.retain({ eventDays: 30, approvalDays: 30 }, Date.now() + step.days * DAY_MS, false);
        } else if (step.do === 'reopen') await reopen();
        else
          await reopen(() => {
            const indexes = readdirSync(place.directory).filter((name) => name.endsWith('.idx'));
            const name = indexes[step.which % Math.max(1, indexes.length)];
            if (name === undefined) return;
            const path = join(place.directory, name);
            if (step.which % 2 === 0) rmSync(path);
            else truncateSync(path, statSync(path).size >> 1);
          });
      };
      try {
        for (const step of todo) {
          await take(step);
          const events = [...stored.values()].sort((a, b) => a.seq - b.seq);
          expect(await store.count()).toBe(events.length);
          expect(await store.find({}, 1000, 'oldest')).toStrictEqual(events);
          expect(await store.find({ session: 's3' }, 4)).toStrictEqual(
            events
              .filter(({ session_id }) => session_id === 's3')
              .slice(-4)
              .toReversed(),
          );
          expect(await store.find({ kind: 'approval.' }, 1000, 'oldest')).toStrictEqual(
            events.filter(({ kind }) => kind.startsWith('approval.')),
          );
          const sessions = await store.sessions({}, 100);
          expect(sessions.reduce((sum, session) => sum + session.events, 0)).toBe(events.length);
          expect(place.records().length).toBe(events.length);
        }
      } finally {
        await place.dispose();
      }
    }),
    { numRuns: 60 },
  );
});

test('a log that is cut at any byte keeps all whole lines before it', async () => {
  const place = eventPlace();
  const events = Array.from({ length: 3 }, (_, index) => aNamedEvent(`evt ${index}`, { data: 'ü𝕏'.repeat(index) }));
  const first = await place.open();
  await first.append(events);
  await first.close();
  const bytes = readFileSync(place.path);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    await Bun.write(place.path, bytes.subarray(0, cut));
    const store = await place.open();
    // A line is whole without its line break too.
    const whole =
      bytes
        .subarray(0, cut + 1)
        .toString()
        .split('\n').length - 1;
    const expected = events.slice(0, whole);
    expect(await store.find({}, 100, 'oldest')).toStrictEqual(expected);
    expect(await store.append(events)).toEqual({ stored: 3 - expected.length, duplicates: expected.length });
    expect(place.records()).toStrictEqual(events);
    await store.close();
  }
  await place.dispose();
});
