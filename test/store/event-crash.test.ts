/** What is left of the event log after kill -9, with the real disk and a process of its own. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type EventPlace, eventPlace } from './event-place.ts';
import { anEvent } from './event-store-contract.ts';

/** The smaller the files, the more often a crash comes while one is put aside. */
const SEGMENT_BYTES = 100_000;

describe('a process that is killed while it stores events', () => {
  let place: EventPlace;
  beforeEach(() => {
    place = eventPlace();
  });
  afterEach(() => place.dispose());

  /** Runs the writer until it has answered `answers` times, kills it, and says what it has answered for. */
  async function killedAfter(answers: number, first: number): Promise<number[]> {
    const writer = Bun.spawn(
      [
        process.execPath,
        '--no-env-file',
        join(import.meta.dir, 'event-writer.ts'),
        place.path,
        String(SEGMENT_BYTES),
        String(first),
      ],
      { stdout: 'pipe', stderr: 'inherit' },
    );
    let text = '';
    let lines = 0;
    for await (const chunk of writer.stdout) {
      const piece = Buffer.from(chunk).toString();
      text += piece;
      lines += piece.split('\n').length - 1;
      if (lines >= answers) process.kill(writer.pid, 'SIGKILL');
    }
    await writer.exited;
    return text
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => line.split(' ').map(Number));
  }

  test('has stored all that it has answered for, none twice, and leaves a log that goes on', async () => {
    const answered = new Set<number>();
    for (const [round, answers] of [1, 40, 300].entries()) {
      for (const number of await killedAfter(answers, (round + 1) * 1_000_000)) answered.add(number);
      const store = await place.open({ segmentBytes: SEGMENT_BYTES });
      const found = await store.find({}, 1_000_000, 'oldest');
      const numbers = found.map(({ data }) => (data as { number: number }).number);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect([...answered].filter((number) => !numbers.includes(number))).toEqual([]);
      expect(await store.count()).toBe(numbers.length);
      // Every line can be read by other programs, and the store knows each of them.
      expect(place.records().length).toBe(numbers.length);
      const named = found.filter(({ id, event_id }) => id !== event_id);
      expect(await store.append(named)).toEqual({ stored: 0, duplicates: named.length });
      const number = 10 + round;
      await store.append([anEvent({ data: { number } })]);
      answered.add(number);
      await store.close();
    }
    expect(place.names().length).toBeGreaterThan(2);
    expect(answered.size).toBeGreaterThan(300);
  });
});
