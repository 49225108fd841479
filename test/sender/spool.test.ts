import { describe, expect, test } from 'bun:test';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../../src/daemon-lock.ts';
import type { Entry } from '../../src/sender/event.ts';
import { createSpool, type Spool, type SpoolOptions } from '../../src/sender/spool.ts';
import { withDirectory } from './collector.ts';

const QUEUE = '0123456789abcdef';
const ALL = { events: 1_000, bytes: 10_000_000 };

function entry(n: number, change: Partial<Entry> = {}): Entry {
  return { at: Date.now(), id: `e${n}`, project: 'p', environment: 'test', event: { event_id: `e${n}`, n }, ...change };
}

async function withSpool(
  body: (spool: Spool, dir: string) => Promise<void>,
  options: Partial<SpoolOptions> = {},
): Promise<void> {
  await withDirectory(async (home) => {
    const dir = join(home, 'state/spool');
    await body(createSpool({ dir, takeLock, now: Date.now, ...options }), dir);
  });
}

const idsOf = async (spool: Spool, limit = ALL): Promise<string[]> =>
  (await spool.read(QUEUE, limit)).map(({ entry: { id } }) => id);

const filesOf = (dir: string): string[] => readdirSync(join(dir, QUEUE)).filter((name) => name.endsWith('.jsonl'));

describe('the spool', () => {
  test('gives back what was put in, in order, in private files', () =>
    withSpool(async (spool, dir) => {
      const entries = [entry(1), entry(2), entry(3)];
      for (const each of entries) expect(await spool.append(QUEUE, each)).toBe(0);
      expect((await spool.read(QUEUE, ALL)).map((waiting) => waiting.entry)).toEqual(entries);
      expect(spool.status(QUEUE)).toEqual({ depth: 3, dropped: 0 });
      expect(statSync(dir).mode & 0o777).toBe(0o700);
      expect(statSync(join(dir, QUEUE)).mode & 0o777).toBe(0o700);
      const [file = ''] = filesOf(dir);
      expect(statSync(join(dir, QUEUE, file)).mode & 0o777).toBe(0o600);
      expect(
        readFileSync(join(dir, QUEUE, file), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual(entries);
    }));

  test('goes on behind what was sent, and leaves nothing when all was', () =>
    withSpool(async (spool, dir) => {
      for (const n of [1, 2, 3]) await spool.append(QUEUE, entry(n));
      const [, second, third] = await spool.read(QUEUE, ALL);
      if (second !== undefined) spool.advance(QUEUE, second.end);
      const other = createSpool({ dir, takeLock, now: Date.now });
      expect(await idsOf(other)).toEqual(['e3']);
      expect(other.status(QUEUE).depth).toBe(1);
      if (third !== undefined) other.advance(QUEUE, third.end);
      expect(await idsOf(other)).toEqual([]);
      expect(readdirSync(dir)).not.toContain(QUEUE);
      await spool.append(QUEUE, entry(4));
      expect(await idsOf(spool)).toEqual(['e4']);
    }));

  test('sends all again when what tells how far it came is lost', () =>
    withSpool(async (spool, dir) => {
      for (const n of [1, 2]) await spool.append(QUEUE, entry(n));
      const [first] = await spool.read(QUEUE, ALL);
      if (first !== undefined) spool.advance(QUEUE, first.end);
      rmSync(join(dir, QUEUE, 'cursor.json'));
      expect(await idsOf(spool)).toEqual(['e1', 'e2']);
    }));

  test('keeps the order over many files, and the clock may go back', () => {
    let now = Date.now();
    return withSpool(
      async (spool, dir) => {
        const ids = [];
        for (let n = 0; n < 20; n += 1) {
          now -= 1_000;
          ids.push(`e${n}`);
          await spool.append(QUEUE, entry(n, { at: now }));
        }
        expect(filesOf(dir).length).toBeGreaterThan(3);
        const read: string[] = [];
        for (let waiting = await spool.read(QUEUE, ALL); waiting.length > 0; waiting = await spool.read(QUEUE, ALL)) {
          read.push(...waiting.map(({ entry: { id } }) => id));
          const last = waiting.at(-1);
          if (last !== undefined) spool.advance(QUEUE, last.end);
        }
        expect(read).toEqual(ids);
        expect(readdirSync(dir)).not.toContain(QUEUE);
      },
      { now: () => now, segmentBytes: 300 },
    );
  });

  test('does not tear lines where many write at once', () =>
    withSpool(async (spool, dir) => {
      const writer = `
        const { createSpool } = await import(${JSON.stringify(join(import.meta.dir, '../../src/sender/spool.ts'))});
        const { takeLock } = await import(${JSON.stringify(join(import.meta.dir, '../../src/daemon-lock.ts'))});
        const spool = createSpool({ dir: ${JSON.stringify(dir)}, takeLock, now: Date.now, segmentBytes: 100_000 });
        for (let n = 0; n < 25; n += 1)
          await spool.append(${JSON.stringify(QUEUE)}, { at: Date.now(), id: process.argv[1] + '-' + n, environment: 't',
            event: { text: 'x'.repeat(9_000) } });`;
      const children = ['a', 'b', 'c', 'd'].map((name) =>
        Bun.spawn([process.execPath, '-e', writer, name], { stdout: 'ignore', stderr: 'inherit' }),
      );
      expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);
      const lines = filesOf(dir)
        .sort()
        .flatMap((file) =>
          readFileSync(join(dir, QUEUE, file), 'utf8')
            .trimEnd()
            .split('\n'),
        );
      const ids = lines.map((line) => String(JSON.parse(line).id));
      for (const name of ['a', 'b', 'c', 'd'])
        expect(ids.filter((id) => id.startsWith(name))).toEqual(Array.from({ length: 25 }, (_, n) => `${name}-${n}`));
      expect(spool.status(QUEUE)).toEqual({ depth: 100, dropped: 0 });
    }));

  test('passes over what a writer that died has begun, and counts it', () =>
    withSpool(async (spool, dir) => {
      await spool.append(QUEUE, entry(1));
      const [file = ''] = filesOf(dir);
      appendFileSync(join(dir, QUEUE, file), '{"at":1,"id":"to');
      expect(await idsOf(spool)).toEqual(['e1']);
      await spool.append(QUEUE, entry(2));
      expect(await idsOf(spool)).toEqual(['e1']);
      const [first] = await spool.read(QUEUE, ALL);
      if (first !== undefined) spool.advance(QUEUE, first.end);
      expect(await idsOf(spool)).toEqual(['e2']);
      expect(await idsOf(spool)).toEqual(['e2']);
      expect(spool.status(QUEUE)).toEqual({ depth: 1, dropped: 1 });
    }));

  test('drops a beginning that nobody goes on with, when all before it is sent', () =>
    withSpool(async (spool, dir) => {
      await spool.append(QUEUE, entry(1));
      const [file = ''] = filesOf(dir);
      appendFileSync(join(dir, QUEUE, file), '{"at":1');
      const [first] = await spool.read(QUEUE, ALL);
      if (first !== undefined) spool.advance(QUEUE, first.end);
      expect(await idsOf(spool)).toEqual([]);
      expect(readdirSync(dir)).not.toContain(QUEUE);
      expect(spool.status(QUEUE)).toEqual({ depth: 0, dropped: 1 });
    }));

  test('drops the oldest of all queues when it is full, counts them, and keeps what came last', () =>
    withSpool(
      async (spool, dir) => {
        const other = 'fedcba9876543210';
        for (let n = 0; n < 4; n += 1) await spool.append(other, entry(n));
        let dropped = 0;
        for (let n = 0; n < 40; n += 1) dropped += await spool.append(QUEUE, entry(n));
        expect(readdirSync(dir)).not.toContain(other);
        const { depth, dropped: counted } = spool.status(QUEUE);
        expect(counted).toBe(dropped);
        expect(depth + dropped).toBe(44);
        const sizes = filesOf(dir).map((file) => statSync(join(dir, QUEUE, file)).size);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(2_000);
        expect((await idsOf(spool)).length).toBeGreaterThan(0);
        expect(readFileSync(join(dir, QUEUE, filesOf(dir).sort().at(-1) ?? ''), 'utf8')).toContain('"e39"');
      },
      { maxBytes: 2_000, segmentBytes: 300 },
    ));

  test('never drops the event that it has just taken, wherever that came to stand', () =>
    withSpool(
      async (spool, dir) => {
        const other = 'fedcba9876543210';
        const large = { event: { text: 'x'.repeat(1_500) } };
        await spool.append(QUEUE, entry(1));
        await spool.append(other, entry(2, large));
        expect(await spool.append(QUEUE, entry(3, { event: { text: 'x'.repeat(600) } }))).toBe(1);
        expect(readdirSync(dir)).not.toContain(other);
        expect(await idsOf(spool)).toEqual(['e1', 'e3']);
      },
      { maxBytes: 2_000, segmentBytes: 1_000 },
    ));

  test('drops what is two weeks old', () => {
    let now = Date.now();
    return withSpool(
      async (spool, dir) => {
        await spool.append(QUEUE, entry(1, { at: now }));
        now += 15 * 24 * 3_600_000;
        expect(await idsOf(spool)).toEqual([]);
        expect(spool.status(QUEUE)).toEqual({ depth: 0, dropped: 1 });
        expect(readdirSync(dir)).not.toContain(QUEUE);
      },
      { now: () => now },
    );
  });

  test('reads no more than is wanted, and only events that can share a request', () =>
    withSpool(async (spool) => {
      for (const n of [1, 2, 3]) await spool.append(QUEUE, entry(n));
      await spool.append(QUEUE, entry(4, { project: 'other' }));
      expect(await idsOf(spool, { events: 2, bytes: 1_000_000 })).toEqual(['e1', 'e2']);
      expect(await idsOf(spool, { events: 100, bytes: 1 })).toEqual(['e1']);
      expect(await idsOf(spool)).toEqual(['e1', 'e2', 'e3']);
    }));

  test('says so when it cannot write, and leaves no half line', () =>
    withDirectory(async (home) => {
      const spool = createSpool({ dir: '/dev/null/spool', takeLock, now: Date.now });
      expect(spool.append(QUEUE, entry(1))).rejects.toThrow();
      const busy = createSpool({ dir: join(home, 'spool'), takeLock: () => undefined, now: Date.now });
      expect(busy.append(QUEUE, entry(1))).rejects.toThrow('Somebody else holds the lock');
    }));
});
