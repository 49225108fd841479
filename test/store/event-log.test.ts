import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AppError } from '../../src/errors.ts';
import type { EventStore } from '../../src/events.ts';
import type { EventLogOptions } from '../../src/store/event-log.ts';
import { type EventPlace, eventPlace, linesIn } from './event-place.ts';
import { aNamedEvent, anEvent, eventStoreContract, type OpenedEventStore } from './event-store-contract.ts';

async function openLog(options: Partial<EventLogOptions>): Promise<OpenedEventStore> {
  const place = eventPlace();
  let store: EventStore = await place.open(options);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await place.open(options);
      return store;
    },
    dispose: place.dispose,
  };
}

eventStoreContract('the event log', () => openLog({}));
// Every few events fill a file.
eventStoreContract('the event log in small files', () => openLog({ segmentBytes: 2048 }));

describe('the files of the event log', () => {
  let place: EventPlace;
  beforeEach(() => {
    place = eventPlace();
  });
  afterEach(() => place.dispose());
  const failure = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no failure',
      (error: AppError) => `${error.name} ${error.code}`,
    );

  test('hold an event a line, exactly as it is, for nobody else to read', async () => {
    const store = await place.open();
    const events = [anEvent({ data: { text: 'a\nb\u2028"\\ 𝕏' } }), aNamedEvent('evt-1')];
    await store.append(events);
    expect(readFileSync(place.path, 'utf8')).toBe(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
    expect(statSync(place.directory).mode & 0o777).toBe(0o700);
  });

  test('are put aside when they are full, each with an index, for nobody else to read', async () => {
    const store = await place.open({ segmentBytes: 1000, now: () => Date.parse('2026-11-21T12:00:00Z') });
    const events = Array.from({ length: 7 }, () => anEvent());
    for (const event of events) await store.append([event]);
    await store.close();
    expect(place.names().sort()).toEqual([
      'events.2026-11-21.0001.jsonl',
      'events.2026-11-21.0002.jsonl',
      'events.2026-11-21.0003.jsonl',
      'events.jsonl',
    ]);
    const all = readdirSync(place.directory);
    expect(all.filter((name) => name.endsWith('.idx')).length).toBe(3);
    for (const name of all) expect(statSync(join(place.directory, name)).mode & 0o777).toBe(0o600);
    expect(place.records()).toStrictEqual(events);
  });

  test('are put aside when a day has ended in UTC, under its name', async () => {
    let now = Date.parse('2026-11-21T23:59:59.999Z');
    const store = await place.open({ now: () => now });
    await store.append([anEvent()]);
    await store.append([anEvent()]);
    now += 1;
    await store.append([anEvent()]);
    now += 86_400_000;
    await store.append([anEvent()]);
    expect(place.names().sort()).toEqual([
      'events.2026-11-21.0001.jsonl',
      'events.2026-11-22.0001.jsonl',
      'events.jsonl',
    ]);
    expect(await store.count()).toBe(4);
  });

  test('are named after the path that was given, whatever that is', async () => {
    const path = join(place.directory, 'my log.txt');
    const store = await place.open({ path, segmentBytes: 1, now: () => 0 });
    await store.append([anEvent()]);
    await store.append([anEvent()]);
    expect(place.names().sort()).toEqual(['my log.txt', 'my log.txt.1970-01-01.0001.jsonl']);
    await store.close();
    expect(await (await place.open({ path })).count()).toBe(2);
  });

  test('are not mixed up with those of another log in the same directory', async () => {
    const [one, other] = [await place.open({ segmentBytes: 1 }), join(place.directory, 'events.2026-11-21.jsonl')];
    for (let count = 0; count < 3; count += 1) await one.append([anEvent()]);
    const two = await place.open({ path: other, segmentBytes: 1 });
    for (let count = 0; count < 4; count += 1) await two.append([anEvent()]);
    await Promise.all([one.close(), two.close()]);
    expect(await (await place.open()).count()).toBe(3);
    expect(await (await place.open({ path: other })).count()).toBe(4);
  });

  test('lose half a line that a crash has left, and no more', async () => {
    const event = anEvent();
    mkdirSync(place.directory, { recursive: true });
    writeFileSync(place.path, `${JSON.stringify(event)}\n{"event_id":"torn","ses`);
    const store = await place.open();
    expect(await store.find({}, 10)).toStrictEqual([event]);
    const next = anEvent();
    await store.append([next]);
    expect(linesIn(place.path)).toEqual([event, next].map((kept) => JSON.stringify(kept)));
  });

  test('keep a last line that only lacks its end', async () => {
    const events = [anEvent(), anEvent()];
    mkdirSync(place.directory, { recursive: true });
    writeFileSync(place.path, events.map((event) => JSON.stringify(event)).join('\n'));
    const store = await place.open();
    await store.append([anEvent()]);
    expect((await store.find({}, 10, 'oldest')).slice(0, 2)).toStrictEqual(events);
    expect(place.records().length).toBe(3);
  });

  test('may hold lines that are no events: those are passed over', async () => {
    const event = anEvent();
    mkdirSync(place.directory, { recursive: true });
    const lines = ['', 'no JSON', '[]', 'null', '{"id":1}', '{"event_id":"x"}', JSON.stringify(event), '{}'];
    writeFileSync(place.path, `${lines.join('\n')}\n`);
    const store = await place.open();
    await store.append([anEvent()]);
    expect(await store.count()).toBe(2);
    expect((await store.find({}, 10))[1]).toStrictEqual(event);
  });

  test.each(['missing', 'empty', 'torn', 'of another file', 'garbage', 'changed at its beginning'])(
    'are read again where an index is %s',
    async (state) => {
      const events = Array.from({ length: 40 }, (_, index) =>
        aNamedEvent(`evt-${index}`, { session_id: `s${index % 3}` }),
      );
      let store = await place.open({ segmentBytes: 4000 });
      for (const event of events) await store.append([event]);
      await store.close();
      const indexes = readdirSync(place.directory)
        .filter((name) => name.endsWith('.idx'))
        .map((name) => join(place.directory, name));
      expect(indexes.length).toBeGreaterThan(3);
      for (const path of indexes) {
        if (state === 'missing') rmSync(path);
        else if (state === 'empty') truncateSync(path, 0);
        else if (state === 'torn') truncateSync(path, statSync(path).size - 1);
        else if (state === 'changed at its beginning') {
          const bytes = readFileSync(path);
          // Where it says since when it has named events: never, now.
          bytes.fill(0x7f, 11 * 8, 12 * 8 - 1);
          writeFileSync(path, bytes);
        } else if (state === 'garbage') writeFileSync(path, Buffer.alloc(statSync(path).size, 7));
        else appendFileSync(path.replace('.idx', '.jsonl'), `${JSON.stringify(anEvent({ session_id: 'added' }))}\n`);
      }
      const added = state === 'of another file' ? indexes.length : 0;
      store = await place.open({ segmentBytes: 4000 });
      expect(await store.count()).toBe(40 + added);
      expect(await store.append(events)).toEqual({ stored: 0, duplicates: 40 });
      expect(await store.find({ session: 's1' }, 100, 'oldest')).toStrictEqual(
        events.filter(({ session_id }) => session_id === 's1'),
      );
      expect((await store.find({ session: 'added' }, 100)).length).toBe(added);
    },
  );

  test('know again what lies in any of them, dated or not', async () => {
    const events = Array.from({ length: 12 }, (_, index) =>
      aNamedEvent(`evt-${index}`, index % 2 === 0 ? { is_undated: true } : {}),
    );
    let store = await place.open({ segmentBytes: 1 });
    for (const event of events) await store.append([event, anEvent()]);
    for (const again of [false, true]) {
      if (again) {
        await store.close();
        store = await place.open({ segmentBytes: 1 });
      }
      for (const event of events) expect(await store.append([event])).toEqual({ stored: 0, duplicates: 1 });
      expect(await store.append(events)).toEqual({ stored: 0, duplicates: 12 });
    }
    expect(await store.count()).toBe(24);
  });

  test('are found in by arrival where that of one reaches into another: a clock was put back', async () => {
    const store = await place.open({ segmentBytes: 1 });
    const events = Array.from({ length: 20 }, () => anEvent());
    const files = [0, 1, 2, 3, 4].map((file) => events.filter((_, index) => (index * 7) % 5 === file));
    for (const file of files.toReversed()) await store.append(file.toReversed());
    for (const limit of [1, 3, 4, 5, 9, 20]) {
      expect(await store.find({}, limit)).toStrictEqual(events.slice(-limit).toReversed());
      expect(await store.find({}, limit, 'oldest')).toStrictEqual(events.slice(0, limit));
      expect(await store.find({ session: 'session-a', beforeSeq: events[15]?.seq ?? 0 }, limit)).toStrictEqual(
        events.slice(Math.max(0, 15 - limit), 15).toReversed(),
      );
    }
  });

  test('are searched for texts that look otherwise in a line', async () => {
    const store = await place.open();
    const events = [anEvent({ event_type: 'a "quoted\\type"' }), anEvent({ session_id: 'ÄRGER\tX' }), anEvent()];
    await store.append(events);
    expect(await store.find({ text: '"QUOTED\\' }, 10)).toStrictEqual(events.slice(0, 1));
    expect(await store.find({ text: 'ärger\tx' }, 10)).toStrictEqual(events.slice(1, 2));
    expect((await store.find({ text: '"command":"npm' }, 10)).length).toBe(3);
  });

  test('tell together which sessions were heard of last', async () => {
    const store = await place.open({ segmentBytes: 1 });
    const start = Math.floor(Date.now() / 1000) * 1000;
    // Of each file the times at which its sessions were heard of, in seconds.
    const files = [{ a: 90, b: 10 }, { b: 80, c: 20 }, { d: 85, a: 5 }, { e: 1, c: 70 }, { f: 60 }];
    for (const times of files)
      await store.append(
        Object.entries(times).map(([session_id, seconds]) =>
          anEvent({ session_id, timestamp: new Date(start + seconds * 1000).toISOString() }),
        ),
      );
    for (const limit of [1, 2, 3, 4, 6]) {
      const sessions = await store.sessions({}, limit);
      expect(sessions.map(({ session }) => session)).toEqual(['a', 'd', 'b', 'c', 'f', 'e'].slice(0, limit));
    }
    expect((await store.sessions({}, 1))[0]).toMatchObject({
      events: 2,
      firstAt: start + 5000,
      lastAt: start + 90_000,
    });
    const until = await store.sessions({ to: start + 30_000 }, 2);
    expect(until.map(({ session }) => session)).toEqual(['c', 'b']);
  });

  test('are put aside when they have very many sessions, however short the events', async () => {
    const store = await place.open();
    const events = Array.from({ length: 32_768 }, (_, index) => anEvent({ session_id: `s${index}`, data: null }));
    await store.append(events);
    await store.append([anEvent()]);
    expect(place.names().length).toBe(2);
    expect(await store.find({ session: 's777' }, 10)).toStrictEqual(events.slice(777, 778));
    expect((await store.sessions({}, 3)).length).toBe(3);
  });

  test('take what is larger than all that is written at once', async () => {
    const store = await place.open({ segmentBytes: 5_000_000 });
    const large = Array.from({ length: 3 }, () => anEvent({ data: 'x'.repeat(2_000_000) }));
    await Promise.all([store.append([anEvent()]), store.append(large), store.append(large.map((event) => event))]);
    expect(await store.count()).toBe(7);
  });

  test('that cannot be put aside take nothing more, lose nothing, and go on when they can', async () => {
    const store = await place.open({ segmentBytes: 1 });
    const first = anEvent();
    await store.append([first]);
    mkdirSync(`${place.path}.tmp`);
    expect(await failure(store.append([anEvent()]))).toBe('AppError store');
    expect(await store.find({}, 10)).toStrictEqual([first]);
    rmSync(`${place.path}.tmp`, { recursive: true });
    const next = anEvent();
    await store.append([next]);
    expect(place.records()).toStrictEqual([first, next]);
    await store.check();
  });

  test('are all there after a crash while one was put aside', async () => {
    const events = [anEvent(), aNamedEvent('evt-1'), anEvent()];
    let store = await place.open();
    await store.append(events);
    await store.close();
    renameSync(place.path, join(place.directory, 'events.2026-11-21.0001.jsonl'));
    writeFileSync(`${place.path}.tmp`, '');
    store = await place.open();
    expect(await store.find({}, 10, 'oldest')).toStrictEqual(events);
    expect(await store.append(events.slice(1, 2))).toEqual({ stored: 0, duplicates: 1 });
    expect(readdirSync(place.directory).sort()).toEqual([
      'events.2026-11-21.0001.idx',
      'events.2026-11-21.0001.jsonl',
      'events.jsonl',
    ]);
  });

  test('that somebody has taken away are begun again under their name', async () => {
    const store = await place.open();
    await store.append([anEvent()]);
    rmSync(place.directory, { recursive: true });
    mkdirSync(place.directory);
    expect(await store.find({}, 10)).toEqual([]);
    const event = anEvent();
    await store.append([event]);
    expect(place.records()).toStrictEqual([event]);
    expect(await store.find({}, 10)).toStrictEqual([event]);
    renameSync(place.path, `${place.path}.old`);
    await store.append([anEvent()]);
    expect(place.names().sort()).toEqual(['events.jsonl', 'events.jsonl.old']);
    expect(await store.count()).toBe(1);
  });

  test('that are full are missed by nobody when they are taken away', async () => {
    const store = await place.open({ segmentBytes: 1 });
    const events = Array.from({ length: 5 }, (_, index) => aNamedEvent(`evt-${index}`, { is_undated: true }));
    for (const event of events) await store.append([event]);
    await store.retain({ eventDays: 30, approvalDays: 30 }, Date.now(), true);
    for (const name of readdirSync(place.directory))
      if (name !== 'events.jsonl') rmSync(join(place.directory, name), { force: true });
    expect(await store.find({}, 10)).toStrictEqual(events.slice(-1));
    expect(await store.sessions({}, 10)).toMatchObject([{ events: 1 }]);
    expect(await store.append(events)).toEqual({ stored: 4, duplicates: 1 });
    expect(await store.count()).toBe(5);
  });

  test('are not taken for others when an index is lost: nothing is stored twice', async () => {
    const store = await place.open({ segmentBytes: 1 });
    const events = [aNamedEvent('evt-1'), anEvent(), anEvent()];
    for (const event of events) await store.append([event]);
    await store.close();
    const again = await place.open({ segmentBytes: 1 });
    for (const name of readdirSync(place.directory).filter((file) => file.endsWith('.idx')))
      rmSync(join(place.directory, name));
    expect(await failure(again.append(events.slice(0, 1)))).toBe('AppError store');
    expect(await failure(again.find({}, 10))).toBe('AppError store');
    await again.close();
    expect(await (await place.open()).append(events.slice(0, 1))).toEqual({ stored: 0, duplicates: 1 });
  });

  test('can be read where an index that is missing cannot be written', async () => {
    let store = await place.open({ segmentBytes: 1 });
    const events = [aNamedEvent('evt-1'), anEvent(), anEvent()];
    for (const event of events) await store.append([event]);
    await store.close();
    for (const name of readdirSync(place.directory).filter((file) => file.endsWith('.idx'))) {
      rmSync(join(place.directory, name));
      mkdirSync(join(place.directory, name));
      writeFileSync(join(place.directory, name, 'in the way'), '');
    }
    store = await place.open({ segmentBytes: 1 });
    expect(await store.find({}, 10, 'oldest')).toStrictEqual(events);
    expect(await store.append(events.slice(0, 1))).toEqual({ stored: 0, duplicates: 1 });
  });

  test('that somebody else has written to are read again', async () => {
    const store = await place.open();
    await store.append([anEvent()]);
    appendFileSync(place.path, `${JSON.stringify(anEvent())}\n{"torn`);
    await store.append([anEvent()]);
    expect(await store.count()).toBe(3);
    expect(place.records().length).toBe(3);
  });

  test('belong to one process, which the lock says', async () => {
    let holders = 0;
    const lock = (): (() => void) | undefined => {
      if (holders > 0) return undefined;
      // The lock lies in the same directory.
      expect(readdirSync(place.directory)).toBeDefined();
      holders += 1;
      return () => {
        holders -= 1;
      };
    };
    const store = await place.open({ lock });
    expect(await failure(place.open({ lock }))).toBe('AppError store-busy');
    await store.close();
    await store.close();
    expect(holders).toBe(0);
    rmSync(place.path);
    mkdirSync(place.path);
    expect(await failure(place.open({ lock }))).toBe('AppError store');
    expect(holders).toBe(0);
  });

  test('are files: no directory, no link, no device', async () => {
    mkdirSync(join(place.directory, 'a directory'), { recursive: true });
    writeFileSync(join(place.directory, 'target'), '');
    symlinkSync(join(place.directory, 'target'), join(place.directory, 'link'));
    expect(await failure(place.open({ path: join(place.directory, 'a directory') }))).toBe('AppError store');
    expect(await failure(place.open({ path: join(place.directory, 'link') }))).toBe('AppError store');
    expect(await failure(place.open({ path: join(place.directory, 'target/below') }))).toBe('AppError store');
    expect(await failure(place.open({ path: '/proc/nowhere/events.jsonl' }))).toBe('AppError store');
  });

  test('may be full while somebody looks through them', async () => {
    const store = await place.open({ segmentBytes: 3000 });
    const events = Array.from({ length: 200 }, () => anEvent());
    const [first] = events;
    if (first !== undefined) await store.append([first]);
    const appends = events.slice(1).map((event) => store.append([event]));
    for (let rounds = 0; rounds < 20; rounds += 1) {
      const found = await store.find({ text: 'npm' }, 1000, 'oldest');
      expect(found).toStrictEqual(events.slice(0, found.length));
    }
    await Promise.all(appends);
    expect((await store.find({}, 1000)).length).toBe(200);
    expect(place.records()).toStrictEqual(events);
  });
});
