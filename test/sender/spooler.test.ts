import { describe, expect, test } from 'bun:test';
import { takeLock } from '../../src/daemon-lock.ts';
import { backoffMs, endPause, pauseUntil, startPause } from '../../src/sender/pause.ts';
import { createSpooler, type Spooler, type SpoolerOptions } from '../../src/sender/spooler.ts';
import { startCollector, type TestCollector, until, withDirectory } from './collector.ts';

async function withSpooler(
  body: (spooler: Spooler, collector: TestCollector, warnings: readonly string[], dir: string) => Promise<void>,
  options: Partial<SpoolerOptions> = {},
): Promise<void> {
  const collector = startCollector();
  const warnings: string[] = [];
  try {
    await withDirectory(async (dir) => {
      const spooler = createSpooler({
        ...{ dir, takeLock, now: Date.now, url: collector.url, key: 'k', version: '1', fetch, lookMs: 3_600_000 },
        logger: { warn: (_details, message) => void warnings.push(message) },
        ...options,
      });
      await body(spooler, collector, warnings, dir).finally(() => spooler.stop());
    });
  } finally {
    await collector.stop();
  }
}

describe('the daemon’s spooler', () => {
  test('sends what it is offered, in order, with an identity', () =>
    withSpooler(async (spooler, { rows, requests }) => {
      spooler.offer({ event_type: 'a', n: 0 });
      await until(() => rows.length === 1, 'the first');
      for (let n = 1; n < 20; n += 1) spooler.offer({ event_type: 'a', n, project: 'p' });
      await until(() => rows.length === 20, 'the others');
      expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(rows[3]).toEqual({
        event_type: 'a',
        n: 3,
        project: 'p',
        event_id: expect.any(String),
        timestamp: expect.any(String),
      });
      expect(requests.at(-1)?.headers.get('x-project')).toBe('p');
      await until(() => spooler.status().depth === 0, 'nothing to wait');
    }));

  test('keeps what it is offered while the collector fails, says so once, and sends it later', () =>
    withSpooler(
      async (spooler, collector, warnings) => {
        collector.answer = () => new Response('', { status: 503 });
        for (let n = 0; n < 100; n += 1) spooler.offer({ event_type: 'a', n });
        await until(() => collector.requests.length >= 3, 'three tries');
        expect(spooler.status()).toMatchObject({ dropped: 0, lastError: expect.stringContaining('503') });
        expect(warnings).toHaveLength(1);
        collector.answer = undefined;
        await until(() => collector.rows.length === 100, 'all of them');
        expect(collector.rows.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
        expect(collector.duplicates).toBe(0);
      },
      { maxBackoffMs: 4 },
    ));

  test('waits as long as the collector asks, whatever it is offered, unless somebody wakes it', () =>
    withSpooler(async (spooler, collector) => {
      collector.answer = () => new Response('', { status: 429, headers: { 'Retry-After': '600' } });
      spooler.offer({ event_type: 'a' });
      await until(() => collector.requests.length === 1, 'the first try');
      collector.answer = undefined;
      spooler.offer({ event_type: 'b' });
      await until(() => spooler.status().depth === 2, 'both on disk');
      expect(collector.requests).toHaveLength(1);
      await until(() => {
        spooler.wake();
        return collector.rows.length === 2;
      }, 'both rows');
    }));

  test('has on disk what it was offered when it has stopped, for whoever comes next', () =>
    withSpooler(async (spooler, collector, _warnings, dir) => {
      collector.answer = () => new Response('', { status: 500 });
      for (let n = 0; n < 10; n += 1) spooler.offer({ event_type: 'a', n });
      await spooler.stop();
      spooler.offer({ event_type: 'late' });
      expect(spooler.status()).toMatchObject({ depth: 10, dropped: 1 });
      collector.answer = undefined;
      const logger = { warn: (): void => {} };
      const options = { dir, takeLock, now: Date.now, url: collector.url, key: 'k', version: '1', fetch, logger };
      const next = createSpooler(options);
      await until(() => collector.rows.length === 10, 'what was left');
      await next.stop();
    }));
});

describe('how long a target is left alone', () => {
  test('doubles, has chance in it, and ends', () => {
    expect([1, 2, 3, 4].map((tries) => backoffMs(tries, () => 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect([1, 2].map((tries) => backoffMs(tries, () => 0))).toEqual([500, 1_000]);
    expect(backoffMs(1_000, () => 1)).toBe(60_000);
  });

  test('is told to the next process, and believed within an hour', () =>
    withDirectory(async (dir) => {
      const path = `${dir}/queue.pause`;
      const read = async (now: number): Promise<number> => pauseUntil(await Bun.file(path).text(), now);
      startPause(path, 1_000_000, undefined, () => 1);
      expect(await read(1_000_000)).toBe(1_001_000);
      expect(await read(1_001_000)).toBe(0);
      startPause(path, 1_000_000, undefined, () => 1);
      expect(await read(1_000_000)).toBe(1_002_000);
      startPause(path, 1_000_000, 7_000);
      expect(await read(1_000_000)).toBe(1_007_000);
      expect(await read(1_000_000 - 7_200_000)).toBe(0);
      endPause(path);
      expect(await Bun.file(path).exists()).toBe(false);
      for (const text of [undefined, '', 'x', '{}', '{"until":"1","tries":1}']) expect(pauseUntil(text, 0)).toBe(0);
    }));
});
