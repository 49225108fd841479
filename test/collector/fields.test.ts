import { expect, test } from 'bun:test';
import { createApprovalEvents } from '../../src/collector/approval-events.ts';
import { projectOf } from '../../src/collector/fields.ts';
import { normalise } from '../../src/collector/normalise.ts';

/** A mebibyte of them would keep a backtracking expression busy for minutes, and with it the daemon and all who wait. */
const SLASHES = `${'/'.repeat(1_000_000)}x`;
const MOST_MS = 1_000;

test('a project is the name of its directory, whatever stands around it', () => {
  expect(projectOf('/home/ada/webshop')).toBe('webshop');
  expect(projectOf('/home/ada/webshop//')).toBe('webshop');
  expect(projectOf('C:\\code\\webshop\\')).toBe('webshop');
  for (const none of ['/', '', undefined, 7, `/${'x'.repeat(257)}`]) expect(projectOf(none)).toBeUndefined();
});

test('a directory of a million slashes holds nobody up', () => {
  const startedAt = performance.now();
  const moment = { now: 0, nextSeq: () => 1 };
  const sender = { src: 'api', isTrusted: false } as const;
  const result = normalise({ hook_event_name: 'Stop', cwd: SLASHES }, 0, sender, moment);
  expect(result.ok && result.record.project).toBe('x');
  const approvals = createApprovalEvents({ host: 'h', nextSeq: () => 1, linkTo: () => undefined });
  const asked = approvals.of({ type: 'asked', at: 0, id: 'r', input: { cwd: SLASHES } });
  expect(asked?.project).toBe('x');
  expect(performance.now() - startedAt).toBeLessThan(MOST_MS);
});
