/** Whom `--stop` and odd files make the program signal: its own daemon, and nobody else. `[I72]` and the like are the ids of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BINARY, payload, socketOf, stateOf, type TestBench, withBench } from '../e2e/bench.ts';
import { denied } from '../e2e/cards.ts';
import { withBystanders } from '../e2e/processes.ts';
import { asNobody, IS_ROOT, NOBODY } from './nobody.ts';

setDefaultTimeout(60_000);

const NAMES = ['server.pid', 'server.json'] as const;

/** Puts something else in the place of the daemon's PID files. */
function replace({ socketDir }: TestBench, put: (path: string) => void): void {
  mkdirSync(socketDir, { mode: 0o700, recursive: true });
  for (const name of NAMES) swap(join(socketDir, name), put);
}

/** The daemon may write its own at any moment. */
function swap(path: string, put: (path: string) => void, tries = 10): void {
  rmSync(path, { recursive: true, force: true });
  try {
    put(path);
  } catch (error) {
    if (tries === 0) throw error;
    swap(path, put, tries - 1);
  }
}

describe('a PID file and an identity file', () => {
  type Put = (path: string, bystander: number, precious: string) => void;
  const write =
    (text: string | ((bystander: number) => string)): Put =>
    (path, bystander) =>
      writeFileSync(path, typeof text === 'string' ? text : text(bystander));
  const ODD: readonly (readonly [string, Put])[] = [
    ['that say 1', write('1')],
    ['that say 0', write('0')],
    ['that say -1', write('-1')],
    ['that say {"pid":-1}', write('{"pid":-1,"startTime":"","exe":""}')],
    ['that say {"pid":1}', write('{"pid":1,"startTime":"0","exe":"/sbin/init"}')],
    ['of garbage', write('\u0000\u0001garbage{')],
    ['that are empty', write('')],
    ['that are directories', (path) => mkdirSync(join(path, 'full'), { recursive: true })],
    ['that are pipes', makePipe],
    ['that are links to a file', (path, _bystander, precious) => symlinkSync(precious, path)],
    ['that are links to nothing', (path) => symlinkSync('/nonexistent/x', path)],
    ['that are links to a directory', (path) => symlinkSync('/', path)],
    ['with the id of whoever looks', write(String(process.pid))],
    ['with the id of somebody else', write((bystander) => String(bystander))],
    ['that name somebody else', write((bystander) => JSON.stringify({ pid: bystander, startTime: '1', exe: BINARY }))],
  ];

  test.each(ODD)(
    '[I72] %s do not keep a daemon from coming up, running and ending, and nobody else is signalled',
    (_name, put) =>
      withBystanders([['sleep', '60']], ([bystander = 0], expectAlive) =>
        withBench(async (bench) => {
          const precious = join(bench.home, 'precious');
          writeFileSync(precious, 'keep');
          const odd = (): void => replace(bench, (path) => put(path, bystander, precious));
          // Before any daemon.
          odd();
          expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
          odd();
          await denied(bench);
          // While one runs, which writes them anew.
          odd();
          await denied(bench);
          expect((await bench.run(['--status'])).stdout).toContain(`process ${bench.daemons()[0]}`);
          odd();
          expect(await bench.run(['--stop'])).toMatchObject({
            stdout: expect.stringMatching(/^Stopped the daemon/),
            exitCode: 0,
          });
          expect(bench.daemons()).toEqual([]);
          // And behind it.
          odd();
          expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
          expect(readFileSync(precious, 'utf8')).toBe('keep');
          expect(readdirSync(bench.home)).toContain('project');
          expectAlive();
        }),
      ),
  );

  test('[I72] that are gone while the daemon has hung have nobody signalled, and that is said', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const [daemon = 0] = bench.daemons();
      process.kill(daemon, 'SIGSTOP');
      replace(bench, (path) => writeFileSync(path, '1'));
      const { stderr, exitCode } = await bench.run(['--stop']);
      expect(exitCode).toBe(69);
      expect(stderr).toEndWith('code: not-stopped\n');
      expect(bench.daemons()).toEqual([daemon]);
      process.kill(daemon, 'SIGCONT');
    }));
});

describe('--stop', () => {
  test('[X81] spares whatever only looks like a daemon, and ends the daemon', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const log = join(stateOf(bench), 'daemon.log');
      const lock = join(bench.socketDir, 'server.lock');
      const named = (name: string): readonly string[] => ['bash', '-c', `exec -a ${JSON.stringify(name)} sleep 60`];
      const look = [
        ['tail', '-f', log],
        ['sh', '-c', 'read -r line', `${BINARY} daemon --idle=1`],
        named(`vim ${BINARY}`),
        named(`${BINARY} daemon`),
        named('claude-slack-hook'),
        ['bash', '-c', `exec 3<${JSON.stringify(lock)}; exec sleep 60`],
        ['env', '__CLAUDE_SLACK_SERVER__=1', `HOME=${bench.home}`, 'sleep', '60'],
        ['cat', '-', BINARY],
      ];
      await withBystanders(look, async (_pids, expectAlive) => {
        expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0, stderr: '' });
        expectAlive();
        expect(existsSync(socketOf(bench))).toBe(false);
        // Without tokens it is about every daemon of this user: of which there is none.
        const env = { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '' };
        expect(await bench.run(['--stop'], { env })).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
      });
    }));

  test('[X81] spares a process that has got the id of a daemon that was killed', () =>
    withBystanders([['sleep', '60']], ([bystander = 0], expectAlive) =>
      withBench(async (bench) => {
        const { hook } = await bench.ask(payload('PermissionRequest.Bash'));
        hook.kill('SIGKILL');
        await hook.ended;
        const identity = join(bench.socketDir, 'server.json');
        const kept = JSON.parse(readFileSync(identity, 'utf8'));
        for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
        await bench.until(() => bench.daemons().length === 0, 'its end');
        replace(bench, (path) =>
          writeFileSync(path, path === identity ? JSON.stringify({ ...kept, pid: bystander }) : `${bystander}\n`),
        );
        expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
        expectAlive();
        await denied(bench);
        expectAlive();
      }),
    ));

  test('[X81] said again and again says each time that none is running', () =>
    withBench(async (bench) => {
      await denied(bench);
      expect((await bench.run(['--stop'])).stdout).toMatch(/^Stopped the daemon \(process \d+\)\.\n$/);
      for (let count = 0; count < 3; count += 1)
        expect(await bench.run(['--stop'])).toMatchObject({
          stdout: 'No daemon is running.\n',
          stderr: '',
          exitCode: 0,
        });
      await denied(bench);
    }));

  test.each(['SIGSTOP', 'SIGTERM that it ignores'] as const)('[X81] ends a daemon that hangs: %s', (how) =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const [daemon = 0] = bench.daemons();
      process.kill(daemon, 'SIGSTOP');
      if (how !== 'SIGSTOP') process.kill(daemon, 'SIGTERM');
      const stopped = await bench.run(['--stop']);
      expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
      expect(stopped.stdout).toContain(`Killed the daemon (process ${daemon})`);
      await bench.until(() => bench.daemons().length === 0, 'its end');
      expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
    }),
  );

  test.skipIf(!IS_ROOT)('[X81] spares the daemon of another user (as root only: it takes two users)', () =>
    withBench(async (other) => {
      chownSync(other.home, NOBODY, NOBODY);
      const theirs = await other.ask(payload('PermissionRequest.Bash'), { command: asNobody(BINARY), cwd: '/' });
      const before = other.daemons();
      expect(before).toHaveLength(1);
      await withBench(async (bench) => {
        // Even with their app, and with their directory for sockets, which is not ours to use.
        const env = { ...other.env, HOME: bench.home };
        for (const TMPDIR of [bench.home, other.home]) {
          const stopped = await bench.run(['--stop'], { env: { ...env, TMPDIR } });
          expect(stopped).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
        }
      });
      expect(other.daemons()).toEqual(before);
      await other.press(theirs.card, 'csh_deny');
      expect((await theirs.hook.ended).stdout).toContain('"deny"');
    }),
  );
});

function makePipe(path: string): void {
  if (Bun.spawnSync(['mkfifo', path]).exitCode !== 0) throw new Error(`Cannot make ${path}`);
}
