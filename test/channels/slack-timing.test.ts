import { expect, test } from 'bun:test';
import { withJitter } from '../../src/channels/slack-timing.ts';

test('[K33] waits between tries differ by up to a quarter, so that many do not come back at once', () => {
  expect([0, 0.5, 1].map((random) => withJitter(1_000, () => random))).toEqual([750, 1_000, 1_250]);
});
