/** Other users, directories that they can reach, and whoever passes for the daemon. `[X73]` and the like are the ids of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isLocked, takeLock } from '../../src/daemon-lock.ts';
import { proofOf } from '../../src/daemon-record.ts';
import { BINARY, payload, type Ran, socketOf, stateOf, type TestBench, withBench } from '../e2e/bench.ts';
import { answerOf, decisionOf, denied, press } from '../e2e/cards.ts';
import { asNobody, IS_ROOT, NOBODY } from './nobody.ts';

setDefaultTimeout(60_000);

/** A failure answer comes 1.5 s after the start; 7.5 s after it where the hook gets no processor (`patience.ts`); one that waits for an answer, after minutes. */
const IN_TIME_MS = 10_000;

/** The record of the app's daemon, which is there, and no daemon. */
async function withoutDaemon(bench: TestBench): Promise<{ readonly key: string; readonly lock: string }> {
  await denied(bench);
  for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
  await bench.until(() => bench.daemons().length === 0, 'its end');
  const [app = ''] = readdirSync(join(stateOf(bench), 'apps'));
  const lock = join(stateOf(bench), 'apps', app, 'lock');
  // Its threads may hold it for a moment longer than its name is there.
  await bench.until(() => !isLocked(lock), 'its lock');
  const record = JSON.parse(readFileSync(join(stateOf(bench), 'apps', app, 'daemon.json'), 'utf8'));
  expect(record.socket).toBe(socketOf(bench));
  return { key: record.key, lock };
}

/** The other user's program is in Python: ours may not be within that user's reach. */
const CAN_BE_TWO = IS_ROOT && Bun.which('python3') !== null;
const BE_TWO = 'as root with python3 only: it takes two users, and a program of the other one';

interface Impostor {
  /** What each connection has said so far. */
  readonly heard: string[];
}

/** Listens in the daemon's place, as this user, until the bench is taken away. `answer` is called once for each connection, with its first line. */
function listenAt(bench: TestBench, answer: (line: string, socket: Bun.Socket<{ index: number }>) => void): Impostor {
  const heard: string[] = [];
  const path = socketOf(bench);
  rmSync(path, { force: true });
  const umask = process.umask(0o177);
  const server = Bun.listen<{ index: number }>({
    unix: path,
    socket: {
      open: (socket) => {
        socket.data = { index: heard.push('') - 1 };
      },
      data: (socket, chunk) => {
        const { index } = socket.data;
        const isFirst = !heard[index]?.includes('\n');
        heard[index] += chunk.toString();
        if (isFirst && heard[index]?.includes('\n')) answer(heard[index].split('\n')[0] ?? '', socket);
      },
    },
  });
  process.umask(umask);
  bench.atEnd(() => server.stop(true));
  return { heard };
}

function expectFailure({ stdout, exitCode, tookMs }: Ran): void {
  expect({ decision: decisionOf(stdout), exitCode }).toEqual({ decision: 'ask', exitCode: 0 });
  expect(tookMs).toBeLessThan(IN_TIME_MS);
}

/** Hellos, and nothing that an agent or a config file has said. */
function expectOnlyHellos(heard: readonly string[], others: readonly string[] = []): void {
  for (const text of heard) {
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const { claude_slack_hook: said, ...rest } = JSON.parse(line);
      expect(rest).toEqual({});
      if (said.type === 'hello') expect(Object.keys(said).toSorted()).toEqual(['challenge', 'type']);
      else expect(others).toContain(JSON.stringify(said));
    }
  }
}

describe('a directory for sockets', () => {
  /** Each makes something else of the directory, which is there. */
  const ODD: readonly (readonly [string, RegExp, (dir: string) => void])[] = [
    ['that its group may write', /Run: chmod 700/, (dir) => chmodSync(dir, 0o770)],
    ['that everybody may write', /Run: chmod 700/, (dir) => chmodSync(dir, 0o777)],
    ['that everybody may enter', /Run: chmod 700/, (dir) => chmodSync(dir, 0o711)],
    ['that is a link', /TMPDIR/, makeLink],
    ['that is a file', /TMPDIR/, makeFile],
    ...(IS_ROOT ? [['of another user', /TMPDIR/, (dir: string) => chownSync(dir, NOBODY, NOBODY)] as const] : []),
  ];

  test.each(ODD)(
    '[X73] %s is refused by a hook, which says how to mend it and sends nothing there',
    (_name, fix, make) =>
      withBench(async (bench) => {
        await withoutDaemon(bench);
        const impostor = listenAt(bench, () => {});
        make(bench.socketDir);
        const posts = bench.slack.calls('chat.postMessage').length;
        const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
        expectFailure(ran);
        expect(ran.stderr).toContain(bench.socketDir);
        expect(ran.stderr).toMatch(fix);
        expect(ran.stderr).toEndWith('code: socket-dir\n');
        expect(await bench.hook(payload('PermissionRequest.Bash')).ended).toMatchObject({ stdout: '', exitCode: 0 });
        expect(impostor.heard).toEqual([]);
        expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
        expect(bench.daemons()).toEqual([]);
      }),
  );

  test.each(ODD)('[X73] %s is refused by a daemon, too', (_name, fix, make) =>
    withBench(async (bench) => {
      mkdirSync(bench.socketDir, { mode: 0o700 });
      make(bench.socketDir);
      const before = lstatSync(bench.socketDir).mode;
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expectFailure(ran);
      expect(ran.stderr).toContain(bench.socketDir);
      expect(ran.stderr).toMatch(fix);
      const daemon = await bench.run(['daemon'], { env: { __CLAUDE_SLACK_SERVER__: '1' } });
      expect(daemon).toMatchObject({ stdout: '', exitCode: 77 });
      expect(daemon.stderr).toEndWith('code: socket-dir\n');
      expect(lstatSync(bench.socketDir).mode).toBe(before);
      expect(bench.slack.calls()).toEqual([]);
    }),
  );
});

describe('whoever listens in the daemon’s place', () => {
  const say = (value: unknown): string => `${JSON.stringify({ claude_slack_hook: value })}\n`;
  const challengeOf = (line: string): string => JSON.parse(line).claude_slack_hook.challenge;
  const ALLOWED = { kind: 'allowed', by: 'U0ADA00001', via: 'Slack', at: 1 };

  test.each<[string, (line: string) => string | Uint8Array]>([
    ['says nothing', () => ''],
    ['has no proof', () => say({ type: 'hello', version: '0.1.0', app: 'x' })],
    [
      'has a proof of its own making',
      (line) =>
        say({ type: 'hello', proof: proofOf('0'.repeat(64), 'daemon', challengeOf(line)), version: '9.9.9', app: 'x' }),
    ],
    [
      'says the challenge back as its proof',
      (line) => say({ type: 'hello', proof: challengeOf(line), version: '0.1.0', app: 'x' }),
    ],
    ['repeats what it hears', (line) => `${line}\n`],
    ['talks of something else', () => 'HTTP/1.1 200 OK\r\n\r\n'],
    ['sends what is no text', () => new Uint8Array([0xff, 0xfe, 0x0a])],
    ['sends a line without an end', () => new Uint8Array(3_000_000).fill(0x78)],
  ])('[X74] and %s hears nothing but a greeting, and the hook fails in time', (_name, answer) =>
    withBench(async (bench) => {
      await withoutDaemon(bench);
      const impostor = listenAt(bench, (line, socket) => void socket.write(answer(line)));
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expectFailure(ran);
      expect(ran.stderr).toMatch(/code: (socket-dir|daemon-timeout|protocol|input-too-large)\n$/);
      expect(impostor.heard).toHaveLength(1);
      expectOnlyHellos(impostor.heard);
      expect(bench.daemons()).toEqual([]);
    }),
  );

  test('[X74] and says what the real daemon said before hears nothing but a greeting', () =>
    withBench(async (bench) => {
      const { key } = await withoutDaemon(bench);
      const old = say({
        type: 'hello',
        proof: proofOf(key, 'daemon', crypto.randomUUID()),
        version: '0.1.0',
        app: 'x',
      });
      const impostor = listenAt(bench, (_line, socket) => void socket.write(old));
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expectFailure(ran);
      expect(ran.stderr).toEndWith('code: socket-dir\n');
      expectOnlyHellos(impostor.heard);
    }));

  test.each<[string, string | undefined]>([
    ['hangs up', undefined],
    ['says that it is allowed', say({ type: 'outcome', outcome: ALLOWED })],
    [
      'says that it is allowed as a plain daemon would',
      '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow"},"claude_slack_hook":{"type":"status","status":{}}}\n',
    ],
    ['passes for an older daemon', say({ type: 'error', code: 'protocol', message: 'Unknown command', hint: '' })],
  ])('[X74] and %s hears nothing but a greeting, and a real daemon takes its place', (_name, answer) =>
    withBench(async (bench) => {
      await withoutDaemon(bench);
      const impostor = listenAt(bench, (_line, socket) => {
        if (answer === undefined) socket.end();
        else socket.write(answer);
      });
      await denied(bench);
      expectOnlyHellos(impostor.heard);
      expect(bench.daemons()).toHaveLength(1);
    }),
  );

  test('[X74] and has the lock, too, is asked to make room, hears nothing else, and the hook fails in time', () =>
    withBench(async (bench) => {
      const { lock } = await withoutDaemon(bench);
      const held = takeLock(lock);
      expect(held).toBeDefined();
      const impostor = listenAt(
        bench,
        (_line, socket) => void socket.write(say({ type: 'outcome', outcome: ALLOWED })),
      );
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expectFailure(ran);
      expectOnlyHellos(impostor.heard, ['{"type":"retire"}']);
      held?.release();
    }));

  test.skipIf(!CAN_BE_TWO).each([
    ['owns the socket', false],
    ['has a socket that is ours', true],
  ])(`[X74] as another user and %s is not even greeted (${BE_TWO})`, (_name, isOurs) =>
    withBench(async (bench) => {
      await withoutDaemon(bench);
      const nest = join(bench.home, 'nest');
      mkdirSync(nest);
      chownSync(nest, NOBODY, NOBODY);
      chmodSync(bench.home, 0o711);
      const child = Bun.spawn([...asNobody('python3', '-c', LISTEN, join(nest, 's'))], {
        env: SYSTEM,
        stdout: 'pipe',
        stderr: 'inherit',
      });
      bench.atEnd(() => child.kill('SIGKILL'));
      const output = child.stdout.getReader();
      expect(new TextDecoder().decode((await output.read()).value)).toBe('ready\n');
      rmSync(socketOf(bench), { force: true });
      renameSync(join(nest, 's'), socketOf(bench));
      if (isOurs) chownSync(socketOf(bench), 0, 0);
      chmodSync(socketOf(bench), 0o600);
      const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
      expectFailure(ran);
      expect(ran.stderr).toContain(socketOf(bench));
      expect(ran.stderr).toEndWith('code: socket-dir\n');
      child.kill();
      let heard = '';
      for (let next = await output.read(); !next.done; next = await output.read())
        heard += new TextDecoder().decode(next.value);
      // It sees that somebody came, and not a byte.
      expect(heard).toBe(isOurs ? "b''\n" : '');
    }),
  );
});

/** Programs of the system: another user may not be able to reach those of ours. */
const SYSTEM = { PATH: '/usr/bin:/bin' };

const LISTEN = `
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(8)
print("ready", flush=True)
while True:
    print(server.accept()[0].recv(65536), flush=True)
`;

/** What another user gets to see of each path, by what it is. */
const LOOK = `
import json, os, socket, stat, sys
def look(path, kind):
    try:
        if kind == "directory": return os.listdir(path)
        if kind == "file": return open(path, "rb").read().decode("latin1")
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(path)
        client.sendall(b'{"claude_slack_hook":{"type":"status"}}\\n')
        return client.recv(65536).decode()
    except OSError as error:
        return type(error).__name__
print(json.dumps([look(path, kind) for path, kind in json.loads(sys.argv[1])]))
`;

describe.skipIf(!CAN_BE_TWO)(`another user (${BE_TWO})`, () => {
  type Path = readonly [path: string, kind: 'directory' | 'file' | 'socket'];

  async function seenByNobody(paths: readonly Path[]): Promise<readonly unknown[]> {
    const child = Bun.spawn([...asNobody('python3', '-c', LOOK, JSON.stringify(paths))], {
      env: SYSTEM,
      cwd: '/',
      stderr: 'inherit',
    });
    return JSON.parse(await child.stdout.text());
  }

  function below(path: string): readonly Path[] {
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return [[path, stat.isSocket() ? 'socket' : 'file']];
    return [[path, 'directory'], ...readdirSync(path).flatMap((name) => below(join(path, name)))];
  }

  test.each(['022', '000'])('[X75] cannot connect, list or read anything, also under umask %s', (umask) =>
    withBench(async (bench) => {
      const command = ['/bin/sh', '-c', `umask ${umask}; exec "$0" "$@"`, BINARY];
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { command });
      await bench.until(() => bench.audit().some(({ type }) => type === 'posted'), 'a record');
      // Nothing but our own directories is in the way.
      for (const path of ['', '.local', '.local/state']) chmodSync(join(bench.home, path), 0o755);
      const paths = [...below(bench.socketDir), ...below(stateOf(bench))];
      const names = paths.map(([path]) => path.slice(bench.home.length + 1));
      for (const name of ['claude-slack-approval/approval.sock', 'claude-slack-approval/server.json'])
        expect(names).toContain(name);
      for (const name of ['audit.jsonl', 'audit.head', 'daemon.log', 'instance-id'])
        expect(names).toContain(`.local/state/claude-slack-hook/${name}`);
      expect(names.filter((name) => name.endsWith('daemon.json'))).toHaveLength(1);
      for (const [path, kind] of paths) {
        expect([path, lstatSync(path).mode & 0o777]).toEqual([path, kind === 'directory' ? 0o700 : 0o600]);
      }
      expect(await seenByNobody(paths)).toEqual(paths.map(() => 'PermissionError'));
      const [daemon] = bench.daemons();
      const proc: readonly Path[] = ['environ', 'maps', 'mem', 'fd'].map((name) => [
        `/proc/${daemon}/${name}`,
        name === 'fd' ? 'directory' : 'file',
      ]);
      expect(await seenByNobody(proc)).toEqual(proc.map(() => 'PermissionError'));
      await press(bench, card, 'csh_approve');
      expect(await answerOf(hook)).toBe('allow');
    }),
  );

  test('[X75] that gets to the socket all the same is hung up on', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      chmodSync(bench.home, 0o711);
      chmodSync(bench.socketDir, 0o711);
      chmodSync(socketOf(bench), 0o666);
      const [seen] = await seenByNobody([[socketOf(bench), 'socket']]);
      expect(['', 'ConnectionResetError', 'BrokenPipeError']).toContain(String(seen));
      chmodSync(socketOf(bench), 0o600);
      chmodSync(bench.socketDir, 0o700);
      await press(bench, card, 'csh_deny');
      expect(await answerOf(hook)).toBe('deny');
    }));
});

describe('a TMPDIR in which nothing can be made', () => {
  /** The bench's home and what the hook runs as belong together. */
  function unwritable(bench: TestBench): { readonly TMPDIR: string; readonly runtime: string } {
    const TMPDIR = join(bench.home, 'closed');
    const runtime = join(bench.home, 'run');
    mkdirSync(TMPDIR);
    mkdirSync(runtime, { mode: 0o700 });
    chmodSync(TMPDIR, 0o555);
    if (IS_ROOT) for (const path of [bench.home, runtime]) chownSync(path, NOBODY, NOBODY);
    return { TMPDIR, runtime };
  }

  test('[X76] has the request asked all the same, through a private directory', () =>
    withBench(async (bench) => {
      const { TMPDIR, runtime } = unwritable(bench);
      const run = { command: asNobody(BINARY), cwd: '/', env: { TMPDIR, XDG_RUNTIME_DIR: runtime } };
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
      expect(readdirSync(TMPDIR)).toEqual([]);
      const [app = ''] = readdirSync(join(runtime, 'claude-slack-hook'));
      expect(lstatSync(join(runtime, 'claude-slack-hook', app)).mode & 0o777).toBe(0o700);
      expect(lstatSync(join(runtime, 'claude-slack-hook', app, 'approval.sock')).mode & 0o777).toBe(0o600);
      await press(bench, card, 'csh_approve');
      expect(await answerOf(hook)).toBe('allow');
    }));

  test('[X76] and whose stand-in belongs to somebody else has the hook fail in time, with the reason', () =>
    withBench(async (bench) => {
      const { TMPDIR, runtime } = unwritable(bench);
      // Where there is no runtime directory it is below /tmp; here a link leads there.
      symlinkSync('/', join(runtime, 'claude-slack-hook'));
      const run = { command: asNobody(BINARY), cwd: '/', env: { TMPDIR, XDG_RUNTIME_DIR: runtime } };
      const ran = await bench.hook(payload('PreToolUse.Bash'), run).ended;
      expectFailure(ran);
      expect(ran.stderr).toContain(join(runtime, 'claude-slack-hook'));
      expect(ran.stderr).toEndWith('code: socket-dir\n');
      unlinkSync(join(runtime, 'claude-slack-hook'));
    }));
});

function makeLink(dir: string): void {
  renameSync(dir, `${dir}.real`);
  symlinkSync(`${dir}.real`, dir);
}

function makeFile(dir: string): void {
  rmSync(dir, { recursive: true });
  writeFileSync(dir, '', { mode: 0o600 });
}
