/** A disk that takes no more: full, without inodes, read-only. `[X77]` is an id of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { payload, type Ran, stateOf, type TestBench, textOf, withBench } from '../e2e/bench.ts';
import { answerOf, closedCard, decisionOf, press } from '../e2e/cards.ts';
import { IS_ROOT } from './nobody.ts';

setDefaultTimeout(60_000);

const run = (...command: readonly string[]): boolean =>
  Bun.spawnSync([...command], { stderr: 'ignore' }).exitCode === 0;

/** A file system of its own needs root, and a machine that lets root mount one. */
const CAN_MOUNT = IS_ROOT && canMount();

function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'csh-mount-'));
  const isMounted = run('mount', '-t', 'tmpfs', 'tmpfs', dir);
  if (isMounted) run('umount', dir);
  rmdirSync(dir);
  return isMounted;
}

const xdgState = (bench: TestBench): string => dirname(stateOf(bench));

/** A bench whose state directory, or another one, is a small disk. */
const withDisk = (
  body: (bench: TestBench, dir: string) => Promise<void>,
  options = 'size=1m',
  place: (bench: TestBench) => string = xdgState,
): Promise<void> =>
  withBench(async (bench) => {
    const dir = place(bench);
    mkdirSync(dir, { recursive: true });
    expect(run('mount', '-t', 'tmpfs', '-o', `${options},mode=0700`, 'tmpfs', dir)).toBe(true);
    try {
      await body(bench, dir);
    } finally {
      // Whoever still has files there keeps them until it ends.
      run('umount', '--lazy', dir);
    }
  });

/** Takes all that is left; returns what gives it back. */
function fill(dir: string): () => void {
  const path = join(dir, 'filler');
  writeFileSync(path, '');
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
  return () => rmSync(path);
}

/** Takes all names that are left. */
function fillInodes(dir: string): void {
  try {
    for (let count = 0; ; count += 1) writeFileSync(join(dir, `filler-${count}`), '');
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  }
}

/** Nobody was asked, and the agent is told why; no daemon is left. */
async function expectReason(bench: TestBench, ran: Ran, reason: RegExp): Promise<void> {
  expect(decisionOf(ran.stdout)).toBe('ask');
  expect(ran.exitCode).toBe(0);
  expect(ran.stderr).toMatch(/^claude-slack-hook: [^\n]+\nhint: [^\n]+\ncode: [\w-]+\n$/);
  expect(ran.stderr).toMatch(reason);
  expect(bench.slack.messages()).toEqual([]);
  const silent = await bench.hook(payload('PermissionRequest.Bash')).ended;
  expect(silent).toMatchObject({ stdout: '', exitCode: 0 });
  expect(silent.stderr).toMatch(reason);
}

describe.skipIf(!CAN_MOUNT)('the disk of the audit log (only where root may mount one)', () => {
  test('[X77] that fills up while a card waits has nothing approved, says why, and all is well once there is room', () =>
    withDisk(async (bench, dir) => {
      // What was written last ends somewhere in a block: a few records more have room in that.
      const pending = [];
      while (pending.length < 20) pending.push(await bench.ask(payload('PreToolUse.Bash')));
      await bench.until(() => bench.audit().filter(({ type }) => type === 'posted').length === 20, 'their record');
      const daemons = bench.daemons();
      const free = fill(dir);
      const answers: unknown[] = [];
      for (const { hook, card } of pending) {
        await press(bench, card, 'csh_approve');
        const { stdout, stderr } = await hook.ended;
        const answer = decisionOf(stdout);
        answers.push(answer);
        if (answer === 'allow') continue;
        expect(answer).toBe('ask');
        expect(stderr).toMatch(/ENOSPC|no space left/);
        expect(stderr).toEndWith('code: audit\n');
        expect(textOf(await closedCard(bench, card))).not.toContain('Approved');
      }
      expect(answers.at(-1)).toBe('ask');
      // The last line may be torn: it is closed off by the next one that has room.
      const log = join(dir, 'claude-slack-hook/audit.jsonl');
      const allowed = () =>
        readFileSync(log, 'utf8')
          .match(/^\{.*"type":"ended".*\}$/gm)
          ?.filter((line) => line.includes('"kind":"allowed"')).length ?? 0;
      expect(allowed()).toBe(answers.filter((answer) => answer === 'allow').length);
      const next = await bench.hook(payload('PreToolUse.Bash')).ended;
      expect(decisionOf(next.stdout)).toBe('ask');
      expect(next.stderr).toEndWith('code: audit\n');
      expect(bench.daemons()).toEqual(daemons);

      free();
      const later = await bench.ask(payload('PreToolUse.Bash'));
      await press(bench, later.card, 'csh_approve');
      expect(await answerOf(later.hook)).toBe('allow');
      expect(bench.daemons()).toEqual(daemons);
      expect(await bench.run(['history', 'verify'])).toMatchObject({ exitCode: 0 });
      expect(allowed()).toBe(answers.filter((answer) => answer === 'allow').length + 1);
    }));

  test('[X77] that is full from the start has nobody asked, with the reason', () =>
    withDisk(async (bench, dir) => {
      fill(dir);
      await expectReason(bench, await bench.hook(payload('PreToolUse.Bash')).ended, /ENOSPC|no space left/);
    }));

  test('[X77] that has no inodes left has nobody asked, with the reason', () =>
    withDisk(async (bench, dir) => {
      fillInodes(dir);
      await expectReason(bench, await bench.hook(payload('PreToolUse.Bash')).ended, /ENOSPC|no space left/);
      expect(bench.daemons()).toEqual([]);
    }, 'nr_inodes=8'));

  test('[X77] that runs out of inodes under a daemon goes on with the files that are there', () =>
    withDisk(async (bench, dir) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      fillInodes(dir);
      await press(bench, card, 'csh_approve');
      expect(await answerOf(hook)).toBe('allow');
      expect(await bench.run(['history', 'verify'])).toMatchObject({ exitCode: 0 });
    }, 'nr_inodes=64'));

  test('[X77] that is read-only has nobody asked, with the reason', () =>
    withDisk(async (bench) => {
      await expectReason(bench, await bench.hook(payload('PreToolUse.Bash')).ended, /EROFS|read-only/);
      expect(bench.daemons()).toEqual([]);
    }, 'ro'));

  test('[X77] that becomes read-only between two daemons has nobody asked, and the log stays as it was', () =>
    withDisk(async (bench, dir) => {
      const first = await bench.ask(payload('PreToolUse.Bash'));
      await press(bench, first.card, 'csh_deny');
      await first.hook.ended;
      await bench.run(['--stop']);
      await bench.until(() => bench.daemons().length === 0, 'its end');
      const before = bench.audit();
      const posts = bench.slack.calls('chat.postMessage').length;
      expect(run('mount', '-o', 'remount,ro', dir)).toBe(true);
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expect(decisionOf(ran.stdout)).toBe('ask');
      expect(ran.stderr).toMatch(/EROFS|read-only/);
      expect(bench.audit()).toEqual(before);
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
      expect(await bench.run(['history', 'verify'])).toMatchObject({ exitCode: 0 });
    }));
});

describe.skipIf(!CAN_MOUNT)('the disk of TMPDIR (only where root may mount one)', () => {
  const tmp = ({ home }: TestBench): string => join(home, 'tmp');

  test.each([
    ['is read-only', 'ro', () => {}],
    ['has no inodes left', 'nr_inodes=8', fillInodes],
  ] as const)('[X77] that %s has the request asked all the same, through a private directory', (_what, options, make) =>
    withDisk(
      async (bench, dir) => {
        make(dir);
        const env = { TMPDIR: dir };
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { env });
        await press(bench, card, 'csh_approve');
        expect(await answerOf(hook)).toBe('allow');
      },
      options,
      tmp,
    ),
  );

  test('[X77] that is full has the request asked all the same, through a private directory', () =>
    withDisk(
      async (bench, dir) => {
        fill(dir);
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { env: { TMPDIR: dir } });
        await press(bench, card, 'csh_approve');
        expect(await answerOf(hook)).toBe('allow');
      },
      'size=64k',
      tmp,
    ));
});

test('[X77] an audit log that the disk has no room for has nothing approved', () =>
  withBench(async (bench) => {
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
    const log = join(stateOf(bench), 'audit.jsonl');
    rmSync(log);
    symlinkSync('/dev/full', log);
    await press(bench, card, 'csh_approve');
    const { stdout, stderr } = await hook.ended;
    expect(decisionOf(stdout)).toBe('ask');
    expect(stderr).toEndWith('code: audit\n');
  }));
