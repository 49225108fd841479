import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTrustedPeer, peerUid } from '../src/peer-uid.ts';

const NOBODY = 65_534;

/** What both sides of a connection say of each other, the client being the given program. */
async function uidSeenBy(command: (path: string) => readonly string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'csh-peer-'));
  chmodSync(dir, 0o755);
  const path = join(dir, 's');
  const seen = Promise.withResolvers<{ uid: number | undefined; isTrusted: boolean }>();
  const server = Bun.listen({
    unix: path,
    socket: {
      open: (socket) => {
        const fd: unknown = 'fd' in socket ? socket.fd : undefined;
        seen.resolve({ uid: typeof fd === 'number' ? peerUid(fd) : undefined, isTrusted: isTrustedPeer(socket) });
      },
      data: () => {},
    },
  });
  chmodSync(path, 0o777);
  const child = Bun.spawn([...command(path)], { stdin: 'pipe', stdout: 'ignore', stderr: 'inherit' });
  try {
    return await seen.promise;
  } finally {
    child.kill();
    server.stop(true);
    rmSync(dir, { recursive: true, force: true });
  }
}

const connecting = (path: string): readonly string[] => [
  process.execPath,
  '-e',
  `await Bun.connect({ unix: ${JSON.stringify(path)}, socket: { data() {} } });`,
];

describe('the other end of a socket', () => {
  test('is known by its uid, and trusted when it is our own', async () => {
    expect(await uidSeenBy(connecting)).toEqual({ uid: process.getuid?.(), isTrusted: true });
  });

  test.skipIf(process.getuid?.() !== 0 || Bun.which('python3') === null)(
    'is not trusted when it is another user (as root with python3 only: it takes two users, and a program of the other one)',
    async () => {
      const command = (path: string): readonly string[] => {
        // Of the system, because another user may not be able to reach the one in this directory.
        const script = `import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()`;
        return ['setpriv', `--reuid=${NOBODY}`, '--clear-groups', '/usr/bin/env', 'python3', '-c', script, path];
      };
      expect(await uidSeenBy(command)).toEqual({ uid: NOBODY, isTrusted: false });
    },
  );

  test('is left to the mode of the directory where nobody can tell', () => {
    expect(isTrustedPeer({})).toBe(true);
    expect(isTrustedPeer({ fd: -1 })).toBe(true);
  });
});
