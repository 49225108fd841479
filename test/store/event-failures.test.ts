/** What the event log does when the disk does not do what it should. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { AppError } from '../../src/errors.ts';
import { DISK, type EventDisk } from '../../src/store/event-disk.ts';
import { type EventPlace, eventPlace } from './event-place.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';

type Fault = 'write' | 'half a write' | 'sync' | 'truncate';

interface BadDisk extends EventDisk {
  readonly faults: Set<Fault>;
  /** How often it was asked to make sure that all is on disk. */
  syncs(): number;
}

function badDisk(): BadDisk {
  const faults = new Set<Fault>();
  let syncs = 0;
  const failIf = (fault: Fault): void => {
    if (faults.has(fault)) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  return {
    faults,
    syncs: () => syncs,
    write: async (fd, bytes, from) => {
      failIf('write');
      if (faults.has('half a write')) await DISK.write(fd, bytes.subarray(0, bytes.length / 2), from);
      failIf('half a write');
      await DISK.write(fd, bytes, from);
    },
    sync: async (fd) => {
      syncs += 1;
      failIf('sync');
      await DISK.sync(fd);
    },
    truncate: async (fd, length) => {
      failIf('truncate');
      await DISK.truncate(fd, length);
    },
  };
}

describe('when the disk fails, the event log', () => {
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

  test.each<Fault[]>([['write'], ['half a write'], ['sync'], ['half a write', 'truncate'], ['sync', 'truncate']])(
    'stores nothing of what it could not (%p %p), and goes on when it can',
    async (...faults) => {
      const disk = badDisk();
      const store = await place.open({ disk });
      const first = anEvent();
      await store.append([first]);
      for (const fault of faults) disk.faults.add(fault);
      const lost = [aNamedEvent('evt-1'), anEvent()];
      const results = [store.append(lost), store.append([anEvent()])];
      expect(await Promise.all(results.map(failure))).toEqual(['AppError store', 'AppError store']);
      expect(await failure(store.append([anEvent()]))).toBe('AppError store');
      expect(await store.find({}, 10)).toStrictEqual([first]);
      expect(await store.count()).toBe(1);
      expect(await failure(store.check())).toBe('AppError store');
      disk.faults.clear();
      await store.check();
      expect(await store.append(lost)).toEqual({ stored: 2, duplicates: 0 });
      expect(place.records()).toStrictEqual([first, ...lost]);
      expect(await store.find({}, 10, 'oldest')).toStrictEqual([first, ...lost]);
    },
  );

  test('stores nothing of it either when it is closed before the disk can be written again', async () => {
    const disk = badDisk();
    const store = await place.open({ disk });
    await store.append([anEvent()]);
    for (const fault of ['half a write', 'truncate'] as const) disk.faults.add(fault);
    expect(await failure(store.append([anEvent({ data: 'x'.repeat(5000) })]))).toBe('AppError store');
    await store.close();
    const again = await place.open();
    expect(await again.count()).toBe(1);
    await again.append([anEvent()]);
    expect(place.records().length).toBe(2);
  });

  test('writes together what comes while it waits for the disk', async () => {
    const disk = badDisk();
    const store = await place.open({ disk });
    const before = disk.syncs();
    await Promise.all(Array.from({ length: 500 }, () => store.append([anEvent()])));
    expect(disk.syncs() - before).toBeLessThan(10);
    expect(await store.count()).toBe(500);
  });

  test('answers only when all is on disk', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let isHeld = false;
    const store = await place.open({
      disk: {
        ...DISK,
        sync: async (fd) => {
          await DISK.sync(fd);
          if (!isHeld) return;
          asked.resolve();
          await promise;
        },
      },
    });
    isHeld = true;
    let isAnswered = false;
    const event = aNamedEvent('evt-1');
    const first = store.append([event]).then(() => {
      isAnswered = true;
    });
    await asked.promise;
    // The same again may not be called stored before the first is.
    const second = store.append([event]);
    const third = store.find({}, 10);
    expect(await third).toEqual([]);
    expect(isAnswered).toBe(false);
    resolve();
    await first;
    expect(await second).toEqual({ stored: 0, duplicates: 1 });
  });
});
