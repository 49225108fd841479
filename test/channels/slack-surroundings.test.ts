import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLookAround,
  type FileOnDisk,
  type ReadFile,
  readBranch,
  readFile,
} from '../../src/channels/slack-surroundings.ts';
import { bash, toolCall } from './requests.ts';

let folder = '';
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'csh-look-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A disk that consists of these files. */
const disk =
  (files: Readonly<Record<string, string>>): ReadFile =>
  async (path) => {
    const text = files[path];
    return text === undefined ? { kind: 'missing' } : { kind: 'text', text };
  };

describe('readFile', () => {
  const read = (name: string, maxBytes = 100): Promise<FileOnDisk> => readFile(join(folder, name), maxBytes);

  test('reads text of at most so many bytes, with everything in it', async () => {
    writeFileSync(join(folder, 'a'), '\ufeffä\r\n');
    expect(await read('a')).toEqual({ kind: 'text', text: '\ufeffä\r\n' });
    expect(await read('a', 7)).toEqual({ kind: 'text', text: '\ufeffä\r\n' });
    expect(await read('a', 6)).toEqual({ kind: 'large' });
  });

  test('says what it does not read, and never waits for a pipe', async () => {
    writeFileSync(join(folder, 'binary'), new Uint8Array([0xff, 0xfe, 0]));
    writeFileSync(join(folder, 'zero'), 'a\0b');
    symlinkSync('binary', join(folder, 'link'));
    expect(Bun.spawnSync(['mkfifo', join(folder, 'pipe')]).exitCode).toBe(0);
    const kinds = ['none', 'binary', 'zero', 'link', 'pipe', '.', 'binary/x'].map(
      async (name) => (await read(name)).kind,
    );
    expect(await Promise.all(kinds)).toEqual(['missing', 'binary', 'binary', 'link', 'special', 'special', 'missing']);
    expect((await readFile('/dev/zero', 100)).kind).toBe('special');
  });
});

describe('readBranch', () => {
  const hash = 'a1b2c3d4'.repeat(5);

  test.each([
    ['a branch', { '/p/.git/HEAD': 'ref: refs/heads/feature/x\n' }, 'feature/x'],
    ['the start of a hash', { '/p/.git/HEAD': `${hash}\n` }, 'a1b2c3d4'],
    ['the branch of a directory above', { '/.git/HEAD': 'ref: refs/heads/up\n' }, 'up'],
    [
      'a worktree',
      { '/p/q/.git': 'gitdir: /m/.git/worktrees/q\n', '/m/.git/worktrees/q/HEAD': 'ref: refs/heads/w\n' },
      'w',
    ],
    [
      'a submodule',
      { '/p/q/.git': 'gitdir: ../.git/modules/q\n', '/p/.git/modules/q/HEAD': 'ref: refs/heads/s\n' },
      's',
    ],
    ['nothing for a worktree that is gone', { '/p/q/.git': 'gitdir: /gone\n' }, undefined],
    ['nothing for what is no HEAD', { '/p/q/.git/HEAD': 'hello' }, undefined],
    ['nothing without a repository', {}, undefined],
  ])('finds %s', async (_name, files, branch) => {
    expect(await readBranch('/p/q', disk(files))).toBe(branch);
  });

  test('looks at no more than 40 directories, and at none for a path that is not absolute', async () => {
    let looks = 0;
    const counting: ReadFile = async () => {
      looks += 1;
      return { kind: 'missing' };
    };
    expect(await readBranch(`${'/d'.repeat(500)}`, counting)).toBeUndefined();
    expect(looks).toBe(80);
    expect(await readBranch('relative', counting)).toBeUndefined();
    expect(looks).toBe(80);
  });
});

describe('createLookAround', () => {
  const write = (path: string) => toolCall('Write', { file_path: path, content: 'x' }, { cwd: '/p' });

  test('finds the file that a tool changes, and the branch', async () => {
    const look = createLookAround(disk({ '/p/a': 'text', '/p/.git/HEAD': 'ref: refs/heads/main' }));
    expect(await look(write('/p/a'))).toEqual({ file: { kind: 'text', text: 'text' }, branch: 'main' });
    expect(await look(bash('cat /p/a', { cwd: '/p' }))).toEqual({});
  });

  test.each([
    '/p/.env',
    '/p/.env.local',
    '/h/.ssh/config',
    '/h/.aws/x',
    '/p/server.pem',
    '/h/id_ed25519',
    '/p/secrets.yml',
  ])('does not open %s', async (path) => {
    const opened: string[] = [];
    const look = createLookAround(async (name) => {
      opened.push(name);
      return { kind: 'missing' };
    });
    expect(await look(write(path))).toEqual({ file: { kind: 'private' } });
    expect(opened).not.toContain(path);
  });

  test('does not open a secret through a link in the path', async () => {
    mkdirSync(join(folder, '.ssh'));
    writeFileSync(join(folder, '.ssh', 'known'), 'x');
    symlinkSync('.ssh', join(folder, 'plain'));
    expect((await createLookAround()(write(join(folder, 'plain', 'known')))).file).toEqual({ kind: 'private' });
  });

  test('does without a disk that hangs, and soon without asking it', async () => {
    let asked = 0;
    const bothAsked = Promise.withResolvers<void>();
    const look = createLookAround(() => {
      asked += 1;
      if (asked === 4) bothAsked.resolve();
      return new Promise<FileOnDisk>(() => {});
    }, 1);
    for (let index = 0; index < 5; index += 1) expect(await look(write('/p/a'))).toEqual({});
    // The first two may come to ask only after their time is over.
    await bothAsked.promise;
    expect(await look(write('/p/a'))).toEqual({});
    expect(asked).toBe(4);
  });

  test('does without a reader that throws', async () => {
    expect(await createLookAround(() => Promise.reject(new Error('no')))(write('/p/a'))).toEqual({});
  });
});
