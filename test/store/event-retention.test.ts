/** How the files of the event log age. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AppError } from '../../src/errors.ts';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { type EventPlace, eventPlace, linesIn } from './event-place.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const RULES = { eventDays: 30, approvalDays: 365 };

/** An event so many days ago. */
function ago(days: number, changes: Partial<EventRecord> = {}): Partial<EventRecord> {
  const event = anEvent();
  const seq = event.seq - days * DAY_MS * 1000;
  return { timestamp: new Date(Date.parse(event.timestamp) - days * DAY_MS).toISOString(), seq, ...changes };
}

describe('files of the event log', () => {
  let place: EventPlace;
  let store: EventStore;
  beforeEach(() => {
    place = eventPlace();
  });
  afterEach(() => place.dispose());

  const reopen = async (): Promise<void> => {
    await store.close();
    store = await place.open({ segmentBytes: 1 });
  };
  /** Each in a file of its own; the last one is that which is written to. */
  const filled = async (...files: EventRecord[][]): Promise<void> => {
    store = await place.open({ segmentBytes: 1 });
    for (const events of files) await store.append(events);
  };
  /** So that it takes more than one piece of a compressed file. */
  const many = (count: number, changes: () => Partial<EventRecord>): EventRecord[] =>
    Array.from({ length: count }, (_, index) =>
      anEvent({ session_id: `s${index % 7}`, data: { text: `${index} ${'ü"x'.repeat(200)}` }, ...changes() }),
    );
  const everything = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(place.directory).map((name) => [name, readFileSync(join(place.directory, name), 'base64')]),
    );
  const segment = (extension: string): string => {
    const name = readdirSync(place.directory)
      .sort()
      .find((file) => file.endsWith(extension));
    return join(place.directory, name ?? 'none');
  };

  test('are compressed after a day, and found in as before', async () => {
    const old = [
      ...many(900, () => ago(2)),
      aNamedEvent('evt-1', ago(2)),
      aNamedEvent('evt-2', { ...ago(2), is_undated: true }),
    ];
    const young = [anEvent()];
    await filled(old, young);
    const before = statSync(segment('.jsonl')).size;
    const report = await store.retain(RULES, NOW, false);
    expect(report).toEqual({ deleted: [], compressed: [expect.stringMatching(/^events\.[\d-]+\.0001\.jsonl$/)] });
    expect(place.names().length).toBe(2);
    expect(statSync(segment('.gz')).size).toBeLessThan(before / 5);
    expect(statSync(segment('.gz')).mode & 0o777).toBe(0o600);
    // Other programs read it as well.
    expect(linesIn(segment('.gz'))).toEqual(old.map((event) => JSON.stringify(event)));
    expect(
      Bun.spawnSync(['zcat', segment('.gz')])
        .stdout.toString()
        .split('\n').length,
    ).toBe(old.length + 1);
    for (const again of [false, true, true]) {
      if (again) await reopen();
      expect(await store.count()).toBe(903);
      expect(await store.find({}, 1000, 'oldest')).toStrictEqual([...old, ...young]);
      expect(await store.find({ session: 's3' }, 3)).toStrictEqual(
        old
          .filter(({ session_id }) => session_id === 's3')
          .slice(-3)
          .toReversed(),
      );
      expect((await store.find({ text: '123 ü' }, 10)).length).toBe(1);
      expect((await store.sessions({}, 100)).length).toBe(8);
      expect(await store.append(old.slice(-2))).toEqual({ stored: 0, duplicates: 2 });
      expect(await store.retain(RULES, NOW, false)).toEqual({ deleted: [], compressed: [] });
    }
  });

  test.each(['missing', 'torn', 'of the file as it was before'])(
    'are found in when they are compressed and their index is %s',
    async (state) => {
      const old = [...many(500, () => ago(2)), aNamedEvent('evt-1', ago(2))];
      await filled(old, [anEvent()]);
      await store.close();
      const index = segment('.idx');
      copyFileSync(index, `${index}.copy`);
      await reopen();
      await store.retain(RULES, NOW, false);
      await store.close();
      if (state === 'missing') rmSync(index);
      else if (state === 'torn') truncateSync(index, 300);
      else copyFileSync(`${index}.copy`, index);
      await reopen();
      expect(await store.find({}, 1000, 'oldest')).toMatchObject([...old, {}]);
      expect(await store.append(old.slice(-1))).toEqual({ stored: 0, duplicates: 1 });
      expect((await store.find({ session: 's2' }, 1000)).length).toBe(72);
    },
  );

  test('count once when a crash has left both the compressed one and the other', async () => {
    const old = many(50, () => ago(2));
    await filled(old, [anEvent()]);
    await store.close();
    const plain = segment('.0001.jsonl');
    const copy = readFileSync(plain);
    await reopen();
    await store.retain(RULES, NOW, false);
    await store.close();
    writeFileSync(plain, copy);
    writeFileSync(`${plain}.gz.tmp`, 'half of one');
    writeFileSync(plain.replace('.jsonl', '.idx.tmp'), 'half of one');
    writeFileSync(plain.replace('0001.jsonl', '0009.idx'), 'of none');
    await reopen();
    expect(await store.count()).toBe(51);
    expect(place.records().length).toBe(51);
    expect(readdirSync(place.directory).length).toBe(3);
  });

  test('are not compressed by halves: what cannot be written leaves them as they were', async () => {
    const old = many(50, () => ago(2));
    await filled(old, [anEvent()]);
    await store.close();
    await reopen();
    mkdirSync(`${segment('.0001.jsonl')}.gz.tmp`);
    const error = await store.retain(RULES, NOW, false).catch((reason: AppError) => reason);
    expect(error).toMatchObject({ name: 'AppError', code: 'store' });
    expect((await store.find({}, 100)).length).toBe(51);
    expect(place.names()).toContain('events.jsonl');
  });

  test('that somebody else has compressed are named, with what to do about it', async () => {
    await filled(
      many(5, () => ago(2)),
      [anEvent()],
    );
    await store.close();
    const plain = segment('.0001.jsonl');
    writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)));
    rmSync(plain);
    const error = await place.open().catch((reason: AppError) => reason);
    expect(error).toMatchObject({ code: 'store', hint: expect.stringContaining('gunzip') });
  });

  test('are deleted when all in them is old, by when it arrived where a sender is ahead of time', async () => {
    const ahead = (days: number): Partial<EventRecord> => ({ ...ago(days), timestamp: '9999-12-31T23:59:59.999Z' });
    const young = [anEvent(ago(40)), anEvent(ago(29))];
    await filled([anEvent(ago(31)), anEvent(ahead(32))], young, [anEvent()]);
    const report = await store.retain(RULES, NOW, false);
    expect(report.deleted).toEqual([{ what: expect.stringMatching(/^events\..*0001\.jsonl$/), events: 2 }]);
    expect(report.compressed.length).toBe(1);
    expect((await store.find({}, 10, 'oldest')).slice(0, 2)).toStrictEqual(young);
    expect(readdirSync(place.directory).filter((name) => name.includes('0001'))).toEqual([]);
  });

  test('are written anew with the approvals that stay', async () => {
    const approval = (kind: 'requested' | 'shown' | 'decided' | 'ended', id: string, days: number): EventRecord =>
      aNamedEvent(`${kind} ${id}`, { ...ago(days), kind: `approval.${kind}`, approval_id: id });
    const open = [approval('requested', 'open', 500), approval('shown', 'open', 500)];
    const yearOld = [approval('requested', 'old', 400)];
    const late = [approval('requested', 'late', 400)];
    const recent = [approval('requested', 'recent', 100), approval('decided', 'recent', 100)];
    const first = [...many(300, () => ago(400)), ...open, ...yearOld, ...late, ...many(300, () => ago(400))];
    await filled(
      first,
      [...recent, approval('decided', 'old', 100), anEvent(ago(90))],
      [approval('ended', 'late', 20), anEvent(ago(20))],
      [anEvent()],
    );
    // What is written in the background is written then.
    await reopen();
    const before = everything();
    expect(await store.append(open)).toEqual({ stored: 0, duplicates: 2 });
    const wouldBe = await store.retain(RULES, NOW, true);
    expect(everything()).toEqual(before);
    const report = await store.retain(RULES, NOW, false);
    expect(report).toEqual(wouldBe);
    expect(report.deleted.map(({ events }) => events)).toEqual([602, 1]);
    for (const again of [false, true]) {
      if (again) await reopen();
      const kept = await store.find({ kind: 'approval.' }, 100, 'oldest');
      expect(kept.map(({ event_id }) => event_id).sort()).toEqual([
        'decided old',
        'decided recent',
        'ended late',
        'requested open',
        'requested recent',
        'shown open',
      ]);
      expect(await store.count()).toBe(8);
      expect(await store.append(open)).toEqual({ stored: 0, duplicates: 2 });
      expect(await store.retain(RULES, NOW, false)).toEqual({ deleted: [], compressed: [] });
    }
  });

  test('may be compressed and deleted while events come in and are looked for', async () => {
    const files = Array.from({ length: 12 }, (_, index) => many(40, () => ago(index < 6 ? 40 : 5)));
    await filled(...files);
    const appends = Array.from({ length: 50 }, () => store.append([anEvent({ session_id: 'new' })]));
    const retained = Promise.all([store.retain(RULES, NOW, false), store.retain(RULES, NOW, false)]);
    for (let rounds = 0; rounds < 10; rounds += 1) {
      const found = await store.find({ session: 's1' }, 1000);
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      expect(found.length).toBeGreaterThanOrEqual(36);
    }
    await Promise.all(appends);
    const [first, second] = await retained;
    expect(first.deleted.length).toBe(6);
    expect(second.deleted).toEqual([]);
    expect(await store.count()).toBe(290);
    await reopen();
    expect(await store.count()).toBe(290);
    expect(place.records().length).toBe(290);
  });
});
