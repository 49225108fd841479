import { expect, test } from 'bun:test';
import { backoff } from '../../src/channels/slack-timing.ts';

test('[K33] waits between tries double, and differ by up to a quarter, so that many do not come back at once', () => {
  expect([0, 0.5, 1].map((random) => backoff(1_000, 1, 60_000, () => random))).toEqual([750, 1_000, 1_250]);
  expect([1, 2, 3].map((tries) => backoff(300, tries, 60_000, () => 0.5))).toEqual([300, 600, 1_200]);
});

test('[K37] no wait between tries is longer than its cap, the quarter included', () => {
  const waits = [0, 0.5, 1].map((random) => backoff(300, 30, 5_000, () => random));
  expect(waits).toEqual([3_000, 4_000, 5_000]);
});
