import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createGrants } from '../src/grants.ts';
import type { ApprovalRequest, CallRule, GrantWish } from '../src/types.ts';
import { bash, makeRequest } from './channels/requests.ts';

const EXACT: CallRule = { kind: 'exact', digest: 'ls' };
const wish = (forMs = 100, rule: CallRule = EXACT): GrantWish => ({ rule, text: 'This exact call', forMs });
const asked = (change: Partial<ApprovalRequest> = {}): ApprovalRequest =>
  makeRequest(bash('ls'), { digest: 'ls', approvers: ['UA', 'UB'], ...change });

function book() {
  let count = 0;
  return createGrants({
    newId: () => {
      count += 1;
      return `G${count}`;
    },
    matches: (rule, { digest }) => rule.kind === 'exact' && rule.digest === digest,
  });
}

describe('a grant', () => {
  test('says what it allows, who gave it, where, and until when', () => {
    const request = asked();
    expect(book().give(wish(), request, 'UA', 1000)).toEqual({
      ...{ id: 'G1', agent: 'claude', rule: EXACT, text: 'This exact call', forMs: 100, since: 1000, until: 1100 },
      ...{ by: 'UA', approvers: ['UA', 'UB'], sessionId: request.input.session_id, used: 0, uses: [] },
      ...{ cwd: '/home/dev/shop', mode: 'default' },
    });
  });

  test('covers what matches, in other sessions too, up to its time and no longer', () => {
    const grants = book();
    grants.give(wish(), asked(), 'UA', 1000);
    expect(grants.find(asked({ input: { ...bash('ls'), session_id: 'other' } }), 1099)?.id).toBe('G1');
    expect(grants.find(asked(), 1100)).toBeUndefined();
    expect(grants.find(asked({ digest: 'rm' }), 1000)).toBeUndefined();
  });

  test('covers no call that its giver may not answer, or may not answer alone', () => {
    const grants = book();
    grants.give(wish(), asked(), 'UA', 0);
    expect(grants.find(asked({ approvers: ['UB'] }), 1)).toBeUndefined();
    expect(grants.find(asked({ needed: 2 }), 1)).toBeUndefined();
    expect(grants.find(asked(), 1)).toBeDefined();
  });

  test('holds in the directory that it was given in, and one that is more than a call below it, too', () => {
    const grants = createGrants({ newId: () => 'G', matches: () => true });
    const at = (cwd: string) => asked({ input: { ...bash('ls'), cwd } });
    const rule: CallRule = { kind: 'permission', rules: [{ toolName: 'Bash', ruleContent: 'ls *' }] };
    grants.give(wish(100, rule), asked(), 'UA', 0);
    for (const cwd of ['/home/dev/shop', '/home/dev/shop/src']) expect(grants.find(at(cwd), 1)).toBeDefined();
    for (const cwd of ['/home/dev', '/home/dev/shop2', '/tmp/shop', '/home/dev/shop/../other'])
      expect(grants.find(at(cwd), 1)).toBeUndefined();
    grants.end(1);
    grants.give(wish(), asked(), 'UA', 0);
    expect(grants.find(at('/home/dev/shop'), 1)).toBeDefined();
    expect(grants.find(at('/home/dev/shop/src'), 1)).toBeUndefined();
  });

  test('covers nothing while the agent plans, unless it was given then', () => {
    const planning = asked({ input: { ...bash('ls'), permission_mode: 'plan' } });
    const grants = book();
    grants.give(wish(), asked(), 'UA', 0);
    expect(grants.find(planning, 1)).toBeUndefined();
    grants.give(wish(), planning, 'UA', 0);
    expect(grants.find(planning, 1)).toBeDefined();
  });

  test('counts its uses, and lists the last fifty, oldest first', () => {
    const grants = book();
    grants.give(wish(), asked(), 'UA', 0);
    for (let at = 1; at <= 60; at += 1) grants.use('G1', `call ${at}`, at);
    const [grant] = grants.active();
    expect(grant?.used).toBe(60);
    expect(grant?.uses).toHaveLength(50);
    expect(grant?.uses.at(0)).toEqual({ at: 11, call: 'call 11' });
    expect(grants.use('G9', 'call', 0)).toBeUndefined();
  });

  test('is ended by those who may answer, once', () => {
    const grants = book();
    grants.give(wish(), asked(), 'UA', 0);
    expect(grants.revoke('G1', 'UX', 5)).toBeUndefined();
    expect(grants.revoke('G9', 'UA', 5)).toBeUndefined();
    expect(grants.revoke('G1', 'UB', 5)).toMatchObject({ id: 'G1', ended: { how: 'revoked', at: 5, by: 'UB' } });
    expect(grants.revoke('G1', 'UB', 5)).toBeUndefined();
    expect(grants.find(asked(), 6)).toBeUndefined();
  });

  test('that is over is given back once, and others stay', () => {
    const grants = book();
    grants.give(wish(100), asked(), 'UA', 0);
    grants.give(wish(200), asked(), 'UA', 0);
    expect(grants.expire(99)).toEqual([]);
    expect(grants.expire(100)).toMatchObject([{ id: 'G1', ended: { how: 'expired', at: 100 } }]);
    expect(grants.expire(100)).toEqual([]);
    expect(grants.active().map(({ id }) => id)).toEqual(['G2']);
  });

  test('ends with all others when the daemon does', () => {
    const grants = book();
    grants.give(wish(), asked(), 'UA', 0);
    grants.give(wish(), asked(), 'UB', 0);
    expect(grants.end(5).map(({ ended }) => ended?.how)).toEqual(['stopped', 'stopped']);
    expect(grants.active()).toEqual([]);
  });

  test('covers a call exactly while it has begun, has not ended and nobody has ended it', () => {
    const times = fc.record({
      at: fc.nat(50),
      forMs: fc.integer({ min: 1, max: 50 }),
      by: fc.constantFrom('UA', 'UB'),
    });
    fc.assert(
      fc.property(
        fc.array(times, { maxLength: 5 }),
        fc.option(fc.nat(4)),
        fc.integer({ min: 50, max: 120 }),
        (given, revoked, at) => {
          const grants = book();
          const made = given.map((each) => grants.give(wish(each.forMs), asked(), each.by, each.at));
          const ended = revoked === null ? undefined : made[revoked];
          if (ended !== undefined) grants.revoke(ended.id, 'UA', 50);
          const open = made.filter((grant) => grant !== ended && at < grant.until);
          expect(grants.find(asked(), at)?.id).toBe(open[0]?.id);
        },
      ),
    );
  });
});
