import { expect, test } from 'bun:test';
import { createViewer } from '../../src/collector/live-viewer.ts';

const FRAME = new Uint8Array(100_000);

test('a viewer that does not read is left after a megabyte, once', () => {
  let ends = 0;
  const viewer = createViewer(() => {
    ends += 1;
  });
  let frames = 0;
  for (; ends === 0 && frames < 100; frames += 1) viewer.send(FRAME);
  expect(frames).toBeGreaterThan(5);
  expect(frames).toBeLessThan(15);
  viewer.send(FRAME);
  viewer.end();
  expect(ends).toBe(1);
});

test('a viewer that reads is sent everything, until it leaves', async () => {
  let ends = 0;
  const viewer = createViewer(() => {
    ends += 1;
  });
  const reader = viewer.body.getReader();
  for (let frames = 0; frames < 50; frames += 1) {
    viewer.send(FRAME);
    expect((await reader.read()).value?.byteLength).toBe(FRAME.length);
  }
  expect(ends).toBe(0);
  await reader.cancel();
  expect(ends).toBe(1);
  viewer.send(FRAME);
});
