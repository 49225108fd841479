import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStatus, readSmallFile } from '../src/file-status.ts';

describe('the status of a path', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-status-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('is what lstat says, for files, directories, sockets, links and devices, with any name and mode', () => {
    writeFileSync(join(dir, 'file'), '');
    chmodSync(join(dir, 'file'), 0o4640);
    mkdirSync(join(dir, 'ünï cödé\n'), { mode: 0o711 });
    symlinkSync(join(dir, 'file'), join(dir, 'link'));
    symlinkSync('/nonexistent', join(dir, 'dangling'));
    const listener = Bun.listen({ unix: join(dir, 'socket'), socket: { data: () => {} } });
    const kinds = {
      file: 'file',
      'ünï cödé\n': 'directory',
      link: 'other',
      dangling: 'other',
      socket: 'socket',
      '/dev/null': 'other',
    } as const;
    for (const [name, kind] of Object.entries(kinds)) {
      const path = name.startsWith('/') ? name : join(dir, name);
      const { uid, mode } = lstatSync(path);
      expect(fileStatus(path)).toEqual({ kind, uid, mode: mode & 0o7777 });
    }
    listener.stop(true);
  });

  test('is nothing for what is not there', () => {
    writeFileSync(join(dir, 'file'), '');
    for (const path of [join(dir, 'missing'), join(dir, 'missing/deep'), join(dir, 'file/below')])
      expect(fileStatus(path)).toBeUndefined();
  });

  test('of a name that no file can have is an error', () => {
    expect(() => fileStatus(`${dir}/a\0b`)).toThrow();
    expect(() => fileStatus(join(dir, 'x'.repeat(5000)))).toThrow();
  });

  test('is the same without the native call', () => {
    writeFileSync(join(dir, 'file'), '', { mode: 0o600 });
    const script = `
      import { fileStatus } from ${JSON.stringify(join(import.meta.dir, '../src/file-status.ts'))};
      console.log(JSON.stringify([fileStatus(${JSON.stringify(join(dir, 'file'))}), fileStatus(${JSON.stringify(join(dir, 'missing'))}) ?? null]));`;
    // bun:ffi needs the JIT.
    const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { env: { BUN_JSC_useJIT: '0' } });
    expect(JSON.parse(stdout.toString())).toEqual([{ kind: 'file', uid: process.getuid?.(), mode: 0o600 }, null]);
  });

  test('beside it, the text of a small file is read, and nothing of a large one, a link, a pipe or what is not there', () => {
    const path = (name: string): string => join(dir, name);
    writeFileSync(path('file'), 'ünï\n');
    writeFileSync(path('empty'), '');
    writeFileSync(path('large'), 'x'.repeat(65_536));
    symlinkSync(path('file'), path('link'));
    Bun.spawnSync(['mkfifo', path('pipe')]);
    expect(readSmallFile(path('file'))).toBe('ünï\n');
    expect(readSmallFile(path('empty'))).toBe('');
    // A pipe that nobody writes into ends at once instead of being waited for.
    expect(readSmallFile(path('pipe'))).toBe('');
    for (const name of ['large', 'link', 'missing', 'a\0b']) expect(readSmallFile(path(name))).toBeUndefined();
    const script = `
      import { readSmallFile } from ${JSON.stringify(join(import.meta.dir, '../src/file-status.ts'))};
      const names = ['file', 'empty', 'large', 'link', 'missing'];
      console.log(JSON.stringify(names.map((name) => readSmallFile(${JSON.stringify(dir)} + '/' + name) ?? null)));`;
    const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { env: { BUN_JSC_useJIT: '0' } });
    expect(JSON.parse(stdout.toString())).toEqual(['ünï\n', '', null, null, null]);
  });
});
