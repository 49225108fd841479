import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLocked, takeLock } from '../src/daemon-lock.ts';

const MODULE = join(import.meta.dir, '../src/daemon-lock.ts');

describe('the lock', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-lock-'));
    path = join(dir, 'lock');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** A process that takes the lock, says whether it got it, and holds it until its stdin ends. */
  const contender = () => {
    const script = `
      import { takeLock } from ${JSON.stringify(MODULE)};
      await new Promise((go) => process.stdin.once('data', go));
      console.log(takeLock(${JSON.stringify(path)}) === undefined ? 'lost' : 'won');
      process.stdin.on('end', () => process.exit(0));`;
    return Bun.spawn([process.execPath, '-e', script], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
  };
  const firstLine = async (child: ReturnType<typeof contender>): Promise<string> => {
    const { value } = await child.stdout.getReader().read();
    return new TextDecoder().decode(value).trim();
  };

  test('has exactly one winner among processes that start at once', async () => {
    const children = Array.from({ length: 8 }, contender);
    for (const child of children) {
      child.stdin.write('go');
      child.stdin.flush();
    }
    const results = await Promise.all(children.map(firstLine));
    expect(results.toSorted()).toEqual([...Array(7).fill('lost'), 'won']);
    for (const child of children) child.kill();
  });

  test('is free again when its holder is killed', async () => {
    const child = contender();
    child.stdin.write('go');
    child.stdin.flush();
    expect(await firstLine(child)).toBe('won');
    expect(isLocked(path)).toBe(true);
    child.kill('SIGKILL');
    await child.exited;
    expect(isLocked(path)).toBe(false);
  });

  test('is held once per process too, until it is released', () => {
    const lock = takeLock(path);
    expect(takeLock(path)).toBeUndefined();
    lock?.release();
    const again = takeLock(path);
    expect(again).toBeDefined();
    again?.release();
  });

  test('notices that its file was removed or replaced', () => {
    const lock = takeLock(path);
    expect(lock?.isCurrent()).toBe(true);
    rmSync(path);
    expect(lock?.isCurrent()).toBe(false);
    writeFileSync(path, '');
    expect(lock?.isCurrent()).toBe(false);
    lock?.release();
  });

  test('never follows a symbolic link', () => {
    const target = join(dir, 'target');
    writeFileSync(target, 'keep');
    symlinkSync(target, path);
    expect(() => takeLock(path)).toThrow('Cannot open');
    expect(readFileSync(target, 'utf8')).toBe('keep');
  });

  test('asking for it makes no file', () => {
    expect(isLocked(path)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });
});
