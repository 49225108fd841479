import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogTail, type LogTail } from '../../src/commands/log-tail.ts';
import { createLogFile } from '../../src/logger.ts';

describe('the log as one stream', () => {
  let dir: string;
  let path: string;
  let tail: LogTail;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-tail-'));
    path = join(dir, 'daemon.log');
    tail = createLogTail(path);
  });
  afterEach(() => {
    tail.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('begins with the oldest file and returns every line once', () => {
    writeFileSync(`${path}.2`, 'a\n');
    writeFileSync(`${path}.1`, 'b\n');
    writeFileSync(path, 'c\nd\n');
    expect(tail.read()).toEqual(['a', 'b', 'c', 'd']);
    expect(tail.read()).toEqual([]);
    appendFileSync(path, 'e\n');
    expect(tail.read()).toEqual(['e']);
  });

  test('waits for a file that is not there yet, and for the end of a line', () => {
    expect(tail.read()).toEqual([]);
    writeFileSync(path, 'half');
    expect(tail.read()).toEqual([]);
    appendFileSync(path, ' a line\nnext');
    expect(tail.read()).toEqual(['half a line']);
  });

  test('keeps a letter whole that two reads have cut', () => {
    const bytes = Buffer.from('grün\n');
    writeFileSync(path, bytes.subarray(0, 3));
    expect(tail.read()).toEqual([]);
    appendFileSync(path, bytes.subarray(3));
    expect(tail.read()).toEqual(['grün']);
  });

  test.each([1, 2, 3, 7])(
    'loses nothing of what the logger writes and rotates, looked at after every %i lines',
    (every) => {
      // Two lines a file: three files hold up to six unread ones.
      const sink = createLogFile(path, { maxBytes: 14 });
      const read: string[] = [];
      const written = Array.from({ length: 42 }, (_, index) => `line ${String(index).padStart(2, '0')}`);
      for (const [index, line] of written.entries()) {
        sink.write(`${line}\n`);
        if ((index + 1) % every === 0) read.push(...tail.read());
      }
      read.push(...tail.read());
      // Of seven lines between two looks the first may be gone with its file; nothing else may.
      const lost = written.filter((line) => !read.includes(line));
      expect(read).toEqual(written.filter((line) => !lost.includes(line)));
      if (every < 7) expect(lost).toEqual([]);
    },
  );

  test('reads what was written between its last look and the rotation', () => {
    writeFileSync(path, 'a\n');
    expect(tail.read()).toEqual(['a']);
    appendFileSync(path, 'b\nno end');
    renameSync(path, `${path}.1`);
    expect(tail.read()).toEqual(['b']);
    writeFileSync(path, 'c\n');
    expect(tail.read()).toEqual(['no end', 'c']);
  });

  test('goes on after somebody has removed or cut the file', () => {
    writeFileSync(`${path}.1`, 'old\n');
    writeFileSync(path, 'a long line\n');
    expect(tail.read()).toEqual(['old', 'a long line']);
    writeFileSync(path, 'b\n');
    expect(tail.read()).toEqual(['b']);
    rmSync(path);
    expect(tail.read()).toEqual([]);
    writeFileSync(path, 'c\n');
    expect(tail.read()).toEqual(['c']);
  });

  test('neither waits for a pipe nor follows a link', () => {
    Bun.spawnSync(['mkfifo', path]);
    symlinkSync('/etc/passwd', `${path}.1`);
    mkdirSync(`${path}.2`);
    expect(tail.read()).toEqual([]);
  });
});
