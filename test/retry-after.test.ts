import { expect, test } from 'bun:test';
import { retryAfterOf } from '../src/retry-after.ts';

test('the time to wait is seconds or a date, never negative and never more than is borne', () => {
  expect(retryAfterOf(' 7 ', 2_000, 60_000)).toBe(7_000);
  expect(retryAfterOf('Thu, 01 Jan 1970 00:00:09 GMT', 2_000, 60_000)).toBe(7_000);
  expect(retryAfterOf('Thu, 01 Jan 1970 00:00:09 GMT', 20_000, 60_000)).toBe(0);
  expect(retryAfterOf('999999999', 0, 60_000)).toBe(60_000);
});

test('there is none where the header is missing or says something else', () => {
  expect(retryAfterOf('soon', 0, 60_000)).toBeUndefined();
  expect(retryAfterOf(null, 0, 60_000)).toBeUndefined();
});
