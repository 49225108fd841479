/** What every store of events promises, whatever it keeps them in. Run by each store's own test with the way to open it. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type { AppError } from '../../src/errors.ts';
import type { EventFilter, EventRecord, EventStore } from '../../src/events.ts';

export interface OpenedEventStore {
  /** Empty. */
  readonly store: EventStore;
  /** Closes the store that is open, and opens the same data again. */
  reopen(): Promise<EventStore>;
  /** Closes what is open and takes the data away. */
  dispose(): Promise<void>;
}

const DAY_MS = 86_400_000;
/** Some moment of today, so that stores that lay out their place by days have one for it. */
const START = Math.floor(Date.now() / 1000) * 1000;
let made = 0;

/** A UUID that depends on the name alone, like the one that the collector makes. */
export function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** An event that its sender has not named, one millisecond after the one that was made before it. */
export function anEvent(changes: Partial<EventRecord> = {}): EventRecord {
  made += 1;
  const id = uuidOf(`made ${made}`);
  return {
    event_id: id,
    event_type: 'PreToolUse',
    session_id: 'session-a',
    workflow_id: null,
    phase_id: null,
    milestone_id: null,
    data: { hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command: 'npm test' } },
    timestamp: new Date(START + made).toISOString(),
    id,
    seq: (START + made) * 1000,
    kind: 'tool.requested',
    agent: 'claude',
    project: 'shop',
    host: 'laptop',
    tool: 'Bash',
    src: 'api',
    ...changes,
  };
}

/** One that its sender has named. */
export function aNamedEvent(name: string, changes: Partial<EventRecord> = {}): EventRecord {
  return anEvent({ event_id: name, id: uuidOf(name), ...changes });
}

export function eventStoreContract(name: string, open: () => Promise<OpenedEventStore>): void {
  describe(name, () => {
    let opened: OpenedEventStore;
    let store: EventStore;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.dispose());

    const all = (filter: EventFilter = {}): Promise<readonly EventRecord[]> => store.find(filter, 100_000, 'oldest');
    const idsOf = (events: readonly EventRecord[]): string[] => events.map(({ id }) => id);
    const idsFor = async (filter: EventFilter): Promise<string[]> => idsOf(await all(filter));

    describe('keeps', () => {
      test('every field of an event as it was', async () => {
        const events = [
          anEvent({
            workflow_id: 'workflow-456',
            phase_id: 'phase 1',
            milestone_id: 'm/1',
            data: { model: 'x', nested: [{ a: null }, [], {}, '', 0, -1.5, 1e21, true], empty: {} },
            approval_id: 'approval-1',
            meta: { 'user-agent': 'curl/8', 'x-environment': 'test' },
            extra: { cwd: '/test', context: { message: 'Hello from curl!' } },
            flags: ['text', 'timestamp'],
            host: null,
            tool: null,
            agent: null,
            project: null,
          }),
          aNamedEvent('any name / of a sender ✓', { is_undated: true }),
          anEvent({ data: null }),
          anEvent({ data: 'a text' }),
          anEvent({ data: [1, 2] }),
        ];
        expect(await store.append(events)).toEqual({ stored: 5, duplicates: 0 });
        expect(await all()).toStrictEqual(events);
        store = await opened.reopen();
        expect(await all()).toStrictEqual(events);
      });

      test.each([
        ['tab', 'a\tb'],
        ['line breaks', 'a\nb\r\nc'],
        ['quotes and backslashes', `"a" 'b' \\n \\\\ \\u0041 \\.`],
        ['separators of lines and paragraphs', 'a\u2028b\u2029c\u0085d'],
        ['astral characters', '𝕏 👩‍👩‍👧 \u{10ffff}'],
        ['other control characters', '\u0001\u0008\u001b[31m\u007f\ufeff'],
        ['what looks like another notation', '{a,b} {"x":1} NULL \\N $1 %s --;'],
        ['a replaced character', 'a\ufffdb'],
      ])('%s in every text', async (_, text) => {
        const event = anEvent({
          event_id: text,
          event_type: text,
          session_id: text,
          workflow_id: text,
          project: text,
          host: text,
          tool: text,
          data: { [text]: text, list: [text] },
          meta: { key: text },
          extra: { [text]: text },
        });
        await store.append([event]);
        expect(await all()).toStrictEqual([event]);
        expect(await all({ session: text })).toStrictEqual([event]);
        expect(await store.sessions({}, 10)).toMatchObject([{ session: text, project: text, events: 1 }]);
      });

      test('an event of a mebibyte', async () => {
        const event = anEvent({ data: { text: 'ü𝕏"\n'.repeat(150_000) } });
        await store.append([event, anEvent()]);
        expect((await all())[0]).toStrictEqual(event);
      });

      test.each([0, 1, 2, 99, 100, 120, 1000, 5000])('all of %i events that come at once', async (count) => {
        const events = Array.from({ length: count }, () => anEvent());
        expect(await store.append(events)).toEqual({ stored: count, duplicates: 0 });
        expect(await store.count()).toBe(count);
        expect(await idsFor({})).toEqual(idsOf(events));
      });

      test('all of what many send at the same time, each sender in its order', async () => {
        const senders = Array.from({ length: 8 }, (_, sender) =>
          Array.from({ length: 25 }, () =>
            Array.from({ length: 4 }, () => anEvent({ session_id: `sender-${sender}` })),
          ),
        );
        const results = await Promise.all(senders.flat().map((events) => store.append(events)));
        expect(results.reduce((sum, { stored }) => sum + stored, 0)).toBe(800);
        expect(await store.count()).toBe(800);
        for (const [sender, batches] of senders.entries())
          expect(await idsFor({ session: `sender-${sender}` })).toEqual(idsOf(batches.flat()));
      });

      test('what was stored when it is opened again, and takes more', async () => {
        const events = Array.from({ length: 300 }, () => anEvent());
        await store.append(events.slice(0, 200));
        store = await opened.reopen();
        expect(await store.count()).toBe(200);
        await store.append(events.slice(200));
        expect(await idsFor({})).toEqual(idsOf(events));
      });

      test('what is found while more comes in', async () => {
        const [first, ...rest] = Array.from({ length: 40 }, () => anEvent());
        await store.append(first === undefined ? [] : [first]);
        const appends = rest.map((event) => store.append([event]));
        const found = await Promise.all(rest.map(() => store.find({}, 100)));
        for (const events of found) expect(idsOf(events)).toContain(first?.id ?? '');
        await Promise.all(appends);
        expect(await store.count()).toBe(40);
      });
    });

    describe('knows again', () => {
      test('an event that its sender has named, in another call', async () => {
        const event = aNamedEvent('evt-1');
        expect(await store.append([event])).toEqual({ stored: 1, duplicates: 0 });
        const again = aNamedEvent('evt-1', { timestamp: event.timestamp, data: { changed: true } });
        expect(await store.append([anEvent(), again, anEvent()])).toEqual({ stored: 2, duplicates: 1 });
        expect(await store.count()).toBe(3);
        expect((await all())[0]).toStrictEqual(event);
      });

      test('an event within one call', async () => {
        const event = aNamedEvent('evt-1');
        expect(await store.append([event, anEvent(), event, event])).toEqual({ stored: 2, duplicates: 2 });
        expect(await store.count()).toBe(2);
      });

      test('an event between calls that overlap', async () => {
        const events = Array.from({ length: 20 }, (_, index) => aNamedEvent(`evt-${index}`));
        const results = await Promise.all([
          store.append(events),
          store.append(events.toReversed()),
          ...events.map((event) => store.append([event])),
        ]);
        expect(results.reduce((sum, { stored }) => sum + stored, 0)).toBe(20);
        expect(results.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(40);
        expect(await store.count()).toBe(20);
      });

      test('an event after it was opened again', async () => {
        const events = Array.from({ length: 150 }, (_, index) => aNamedEvent(`evt-${index}`));
        const undated = aNamedEvent('no time', { is_undated: true });
        await store.append([...events, undated]);
        store = await opened.reopen();
        const later = aNamedEvent('no time', { is_undated: true });
        expect(await store.append([...events, later])).toEqual({ stored: 0, duplicates: 151 });
        expect(await store.count()).toBe(151);
      });

      test('not what has the same name but another time', async () => {
        const events = [aNamedEvent('evt-1'), aNamedEvent('evt-1'), aNamedEvent('evt-1')];
        expect(await store.append(events)).toEqual({ stored: 3, duplicates: 0 });
        expect(await store.append(events)).toEqual({ stored: 0, duplicates: 3 });
      });

      test('what came without a time by its name alone', async () => {
        const events = Array.from({ length: 3 }, (_, day) =>
          aNamedEvent('evt-1', { is_undated: true, timestamp: new Date(START + day * DAY_MS).toISOString() }),
        );
        const [first] = events;
        expect(await store.append(events)).toEqual({ stored: 1, duplicates: 2 });
        expect(await store.append(events.slice(2))).toEqual({ stored: 0, duplicates: 1 });
        expect(await Promise.all(events.map((event) => store.append([event])))).toEqual(
          events.map(() => ({ stored: 0, duplicates: 1 })),
        );
        expect(await all()).toStrictEqual(first === undefined ? [] : [first]);
      });
    });

    describe('finds', () => {
      test('the newest, or the oldest, and no more than asked for', async () => {
        const events = Array.from({ length: 30 }, () => anEvent());
        await store.append(events);
        expect(await store.find({}, 5)).toStrictEqual(events.slice(-5).toReversed());
        expect(await store.find({}, 5, 'newest')).toStrictEqual(events.slice(-5).toReversed());
        expect(await store.find({}, 5, 'oldest')).toStrictEqual(events.slice(0, 5));
        expect(await store.find({}, 100)).toStrictEqual(events.toReversed());
        expect(await store.find({}, 0)).toEqual([]);
      });

      test('in the order of arrival, whatever their times and the order in which they were handed over', async () => {
        const events = Array.from({ length: 9 }, (_, index) =>
          anEvent({ timestamp: new Date(START - index * 1000).toISOString() }),
        );
        await store.append(events.slice(6));
        await store.append(events.slice(0, 3).toReversed());
        await store.append(events.slice(3, 6));
        expect(await store.find({}, 100, 'oldest')).toStrictEqual(events);
        expect(await store.find({}, 4)).toStrictEqual(events.slice(-4).toReversed());
        expect(await store.find({ session: 'session-a' }, 4)).toStrictEqual(events.slice(-4).toReversed());
      });

      test('page by page, each event once, both ways', async () => {
        const events = Array.from({ length: 57 }, (_, index) => anEvent({ session_id: `s${index % 2}` }));
        await store.append(events);
        const down: EventRecord[] = [];
        for (let page = await store.find({}, 10); page.length > 0; ) {
          down.push(...page);
          page = await store.find({ beforeSeq: page.at(-1)?.seq ?? 0 }, 10);
        }
        expect(down).toStrictEqual(events.toReversed());
        const up: EventRecord[] = [];
        for (let page = await store.find({ session: 's1' }, 10, 'oldest'); page.length > 0; ) {
          up.push(...page);
          page = await store.find({ session: 's1', afterSeq: page.at(-1)?.seq ?? 0 }, 10, 'oldest');
        }
        expect(up).toStrictEqual(events.filter(({ session_id }) => session_id === 's1'));
      });

      test('by each thing that can be asked for, and by all of them together', async () => {
        const plain = anEvent();
        const events = {
          plain,
          session: anEvent({ session_id: 'session-b' }),
          requested: anEvent({ kind: 'approval.requested', approval_id: 'a1', src: 'approval' }),
          decided: anEvent({ kind: 'approval.decided', approval_id: 'a1', src: 'approval' }),
          responded: anEvent({ kind: 'agent.responded' }),
          type: anEvent({ event_type: 'zzz', kind: 'other' }),
          agent: anEvent({ agent: 'codex' }),
          project: anEvent({ project: 'other project' }),
          tool: anEvent({ tool: 'Write' }),
          nothing: anEvent({ agent: null, project: null, tool: null }),
        };
        await store.append(Object.values(events));
        const found = async (filter: EventFilter): Promise<string[]> => {
          const ids = await idsFor(filter);
          return Object.entries(events).flatMap(([key, { id }]) => (ids.includes(id) ? [key] : []));
        };
        expect(await found({ session: 'session-b' })).toEqual(['session']);
        expect(await found({ session: 'session' })).toEqual([]);
        expect(await found({ session: 'nobody' })).toEqual([]);
        expect(await found({ kind: 'agent.responded' })).toEqual(['responded']);
        expect(await found({ kind: 'approval.' })).toEqual(['requested', 'decided']);
        expect(await found({ kind: 'approval.decided' })).toEqual(['decided']);
        expect(await found({ kind: 'approval' })).toEqual([]);
        expect(await found({ kind: 'no such kind' })).toEqual([]);
        expect(await found({ type: 'zzz' })).toEqual(['type']);
        expect(await found({ type: 'zz' })).toEqual([]);
        expect(await found({ agent: 'codex' })).toEqual(['agent']);
        expect(await found({ agent: 'nobody' })).toEqual([]);
        expect(await found({ project: 'other project' })).toEqual(['project']);
        expect(await found({ tool: 'Write' })).toEqual(['tool']);
        expect(await found({ session: 'session-a', kind: 'approval.', tool: 'Bash', agent: 'claude' })).toEqual([
          'requested',
          'decided',
        ]);
        expect(await found({ session: 'session-b', kind: 'approval.' })).toEqual([]);
        expect(await found({ session: 'session-a', project: 'other project', text: 'NPM' })).toEqual(['project']);
        expect(await found({ session: 'session-a', text: 'nothing has this' })).toEqual([]);
      });

      test('a text in the type, session, tool, project and data, without regard to case, and literally', async () => {
        const events = [
          anEvent({ event_type: 'PreNeedleUse' }),
          anEvent({ session_id: 'a nEEdle b' }),
          anEvent({ tool: 'mcp__needle__x' }),
          anEvent({ project: 'needles' }),
          anEvent({ data: { deep: [{ text: 'in a haystack a NEEDLE lies' }] } }),
          anEvent({ data: { needle: 1 } }),
        ];
        const special = [
          anEvent({ data: { text: '100% sure' } }),
          anEvent({ data: { text: '100 x sure' } }),
          anEvent({ data: { text: 'snake_case' } }),
          anEvent({ data: { text: 'snakeXcase' } }),
          anEvent({ host: 'needle', workflow_id: 'needle', meta: { a: 'needle' } }),
        ];
        await store.append([...events, ...special]);
        expect(await idsFor({ text: 'Needle' })).toEqual(idsOf(events));
        expect(await idsFor({ text: '100%' })).toEqual(idsOf(special.slice(0, 1)));
        expect(await idsFor({ text: 'SNAKE_case' })).toEqual(idsOf(special.slice(2, 3)));
        expect(await store.find({ text: 'needle' }, 2)).toStrictEqual(events.slice(-2).toReversed());
      });

      test('between two times, the first included, and between two arrivals, both excluded', async () => {
        const events = Array.from({ length: 10 }, () => anEvent());
        await store.append(events);
        const at = (index: number): number => Date.parse(events[index]?.timestamp ?? '');
        const seq = (index: number): number => events[index]?.seq ?? 0;
        const ids = idsOf(events);
        expect(await idsFor({ from: at(3) })).toEqual(ids.slice(3));
        expect(await idsFor({ to: at(3) })).toEqual(ids.slice(0, 3));
        expect(await idsFor({ from: at(3), to: at(6) })).toEqual(ids.slice(3, 6));
        expect(await idsFor({ from: at(6), to: at(3) })).toEqual([]);
        expect(await idsFor({ from: at(0) + DAY_MS })).toEqual([]);
        expect(await idsFor({ afterSeq: seq(3) })).toEqual(ids.slice(4));
        expect(await idsFor({ beforeSeq: seq(3) })).toEqual(ids.slice(0, 3));
        expect(await idsFor({ afterSeq: seq(3), beforeSeq: seq(6), session: 'session-a' })).toEqual(ids.slice(4, 6));
        expect(await idsFor({ from: at(2), to: at(8), session: 'session-a', beforeSeq: seq(5) })).toEqual(
          ids.slice(2, 5),
        );
      });
    });

    describe('lists the sessions', () => {
      test('that were heard of last first, with what is known of them', async () => {
        const at = (seconds: number): { timestamp: string } => ({
          timestamp: new Date(START + seconds * 1000).toISOString(),
        });
        await store.append([
          anEvent({ session_id: 'a', ...at(10) }),
          anEvent({ session_id: 'b', agent: 'codex', project: 'api', ...at(20) }),
          anEvent({ session_id: 'a', ...at(40), agent: null, project: null }),
          anEvent({ session_id: 'c', agent: null, project: null, ...at(5) }),
        ]);
        await store.append([anEvent({ session_id: 'b', agent: 'codex', project: 'api', ...at(30) })]);
        const a = {
          session: 'a',
          agent: 'claude',
          project: 'shop',
          events: 2,
          firstAt: START + 10_000,
          lastAt: START + 40_000,
        } as const;
        const b = {
          session: 'b',
          agent: 'codex',
          project: 'api',
          events: 2,
          firstAt: START + 20_000,
          lastAt: START + 30_000,
        } as const;
        const c = { session: 'c', agent: null, project: null, events: 1, firstAt: START + 5000, lastAt: START + 5000 };
        for (const again of [false, true]) {
          if (again) store = await opened.reopen();
          expect(await store.sessions({}, 10)).toEqual([a, b, c]);
          expect(await store.sessions({}, 1)).toEqual([a]);
          expect(await store.sessions({ project: 'api' }, 10)).toEqual([b]);
          expect(await store.sessions({ agent: 'codex' }, 10)).toEqual([b]);
          expect(await store.sessions({ agent: 'claude', project: 'api' }, 10)).toEqual([]);
          expect(await store.sessions({ from: START + 20_000 }, 10)).toMatchObject([
            { session: 'a', events: 1, firstAt: START + 40_000 },
            { session: 'b', events: 2 },
          ]);
          expect(await store.sessions({ from: START + 5000, to: START + 30_000 }, 10)).toMatchObject([
            { session: 'b', events: 1, lastAt: START + 20_000 },
            { session: 'a', events: 1, lastAt: START + 10_000 },
            { session: 'c', events: 1 },
          ]);
        }
      });

      test('of an empty store: none', async () => {
        expect(await store.sessions({}, 10)).toEqual([]);
        expect(await store.find({}, 10)).toEqual([]);
        expect(await store.count()).toBe(0);
      });
    });

    describe('retention', () => {
      const rules = { eventDays: 30, approvalDays: 365 };
      const ended = (): EventRecord[] => [
        anEvent({ kind: 'approval.requested', approval_id: 'ended', src: 'approval' }),
        anEvent({ kind: 'approval.decided', approval_id: 'ended', src: 'approval' }),
      ];
      const open_ = (): EventRecord[] => [
        anEvent({ kind: 'approval.requested', approval_id: 'open', src: 'approval' }),
        anEvent({ kind: 'approval.shown', approval_id: 'open', src: 'approval' }),
      ];
      const sum = (report: { deleted: readonly { events: number }[] }): number =>
        report.deleted.reduce((total, { events }) => total + events, 0);

      test('keeps what is young enough', async () => {
        const events = [anEvent(), ...ended(), ...open_(), anEvent()];
        await store.append(events);
        expect(sum(await store.retain(rules, START + 29 * DAY_MS, false))).toBe(0);
        expect(await all()).toStrictEqual(events);
      });

      test('deletes old events but not approvals, and those only where they have an end', async () => {
        const [pending, done] = [open_(), ended()];
        await store.append([anEvent(), ...pending, anEvent(), ...done, aNamedEvent('old', { is_undated: true })]);
        expect(sum(await store.retain(rules, START + 40 * DAY_MS, false))).toBe(3);
        expect(await all()).toStrictEqual([...pending, ...done]);
        expect(await store.count()).toBe(4);
        expect(sum(await store.retain(rules, START + 400 * DAY_MS, false))).toBe(2);
        expect(await all()).toStrictEqual(pending);
        store = await opened.reopen();
        expect(await all()).toStrictEqual(pending);
        expect(await store.sessions({}, 10)).toMatchObject([{ session: 'session-a', events: 2 }]);
        // Its end comes at last: then it may go.
        const end = anEvent({ kind: 'approval.ended', approval_id: 'open', src: 'approval' });
        await store.append([end]);
        expect(sum(await store.retain(rules, START + 400 * DAY_MS, false))).toBe(3);
        expect(await store.count()).toBe(0);
      });

      test('goes by the arrival of an event whose sender dates it into the future', async () => {
        await store.append([anEvent({ timestamp: '2999-01-01T00:00:00.000Z' })]);
        expect(sum(await store.retain(rules, START + 29 * DAY_MS, false))).toBe(0);
        expect(sum(await store.retain(rules, START + 40 * DAY_MS, false))).toBe(1);
        expect(await store.count()).toBe(0);
      });

      test('changes nothing when it is only asked what it would do', async () => {
        const events = [anEvent(), ...open_(), anEvent(), ...ended()];
        await store.append(events);
        expect(sum(await store.retain(rules, START + 40 * DAY_MS, true))).toBe(2);
        expect(sum(await store.retain(rules, START + 400 * DAY_MS, true))).toBe(4);
        expect(await all()).toStrictEqual(events);
        expect(sum(await store.retain(rules, START + 400 * DAY_MS, false))).toBe(4);
      });

      test('leaves a store that goes on', async () => {
        const kept = open_();
        await store.append([anEvent(), ...kept, aNamedEvent('evt-1')]);
        await store.retain(rules, START + 40 * DAY_MS, false);
        const event = aNamedEvent('evt-2');
        expect(await store.append([event])).toEqual({ stored: 1, duplicates: 0 });
        store = await opened.reopen();
        expect(await store.append([event])).toEqual({ stored: 0, duplicates: 1 });
        expect(await all()).toStrictEqual([...kept, event]);
      });
    });

    test('says that it can be written, and takes nothing once it is closed', async () => {
      await store.check();
      await store.append([anEvent()]);
      await store.close();
      const error = await store.append([anEvent()]).catch((reason: AppError) => reason);
      expect(error).toMatchObject({ name: 'AppError', code: 'store' });
      expect(await store.check().catch((reason: AppError) => reason)).toMatchObject({ code: 'store' });
      store = await opened.reopen();
      expect(await store.count()).toBe(1);
    });

    test('writes what it was given before it closes', async () => {
      const appends = Array.from({ length: 20 }, () => store.append([anEvent()]));
      await Promise.all([store.close(), ...appends]);
      store = await opened.reopen();
      expect(await store.count()).toBe(20);
    });
  });
}
