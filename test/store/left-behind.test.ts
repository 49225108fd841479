import { expect, test } from 'bun:test';
import { createFollower } from '../../src/store/left-behind.ts';
import type { StoreRecord } from '../../src/types.ts';
import { bash, PERMISSION } from '../channels/requests.ts';

const ASKED: StoreRecord = {
  ...{ type: 'asked', at: 100, id: 'a', app: 'app', agent: 'claude', digest: 'd', approvers: ['U1'], needed: 1 },
  ...{ expiresAt: 10_000, input: bash('ls'), offers: PERMISSION, fromConfig: false },
};
const posted = (at: number, message: string): StoreRecord => ({
  ...{ type: 'posted', at, id: 'a', conversation: 'D1', message, complete: true },
});

function left(...records: readonly StoreRecord[]) {
  const follower = createFollower({ app: 'app', nonceOf: (id) => `nonce of ${id}` });
  for (const record of [ASKED, ...records]) follower.note(record);
  return follower.list(200);
}

test('what was shown is left with the time of its first message', () => {
  expect(left()[0]).not.toHaveProperty('shownAt');
  expect(left(posted(120, '1'), posted(150, '2'))[0]).toMatchObject({ shownAt: 120 });
});

test('who was asked later is an approver of that request for the next daemon, too, and a channel is none', () => {
  const records = left(posted(120, '1'), { type: 'escalated', at: 130, id: 'a', to: ['U2', 'C0OPS'] });
  expect(records.map(({ request }) => [request.approvers, request.escalatedTo])).toEqual([
    [
      ['U1', 'U2'],
      ['U2', 'C0OPS'],
    ],
  ]);
  expect(left(posted(120, '1'))[0]?.request).not.toHaveProperty('escalatedTo');
});
