import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { AppError } from '../src/errors.ts';
import { createLineReader, prepareDirectory, runtimePaths, socketExists } from '../src/socket.ts';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('the paths', () => {
  test('are below TMPDIR, whatever slashes it ends in', () => {
    expect(runtimePaths({ TMPDIR: '/var/tmp//' })?.socket).toBe('/var/tmp/claude-slack-approval/approval.sock');
    expect(runtimePaths({ TMPDIR: '/var/tmp' })?.pid).toBe('/var/tmp/claude-slack-approval/server.pid');
  });

  test('are below /tmp without TMPDIR', () => {
    expect(runtimePaths({})?.dir).toBe('/tmp/claude-slack-approval');
  });

  test('are not there when TMPDIR is relative to the working directory or too long for a socket', () => {
    expect(runtimePaths({ TMPDIR: 'tmp' })).toBeUndefined();
    expect(runtimePaths({ TMPDIR: `/${'x'.repeat(120)}` })).toBeUndefined();
  });
});

describe('the directory', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'csh-socket-'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  test('is made private, also under umask 000', () => {
    const before = process.umask(0);
    prepareDirectory(join(base, 'd'));
    process.umask(before);
    expect(statSync(join(base, 'd')).mode & 0o777).toBe(0o700);
  });

  test.each([0o770, 0o707, 0o755, 0o1777])('that others may enter (0%o) is refused with the fix', (mode) => {
    mkdirSync(join(base, 'd'));
    chmodSync(join(base, 'd'), mode);
    expect(messageOf(() => prepareDirectory(join(base, 'd')))).toContain('Expected mode 0700');
  });

  test('that is a symbolic link or a file is refused', () => {
    symlinkSync(base, join(base, 'link'));
    writeFileSync(join(base, 'file'), '');
    expect(messageOf(() => prepareDirectory(join(base, 'link')))).toContain('to be a directory, got something else');
    expect(messageOf(() => prepareDirectory(join(base, 'file')))).toContain('to be a directory, got something else');
  });

  test('that cannot be made is refused', () => {
    expect(messageOf(() => prepareDirectory(join(base, 'missing/d')))).toStartWith('socket-dir: Cannot create');
  });

  test('holds a socket only when it is a socket', () => {
    expect(socketExists(join(base, 's'))).toBe(false);
    writeFileSync(join(base, 's'), '', { mode: 0o600 });
    expect(messageOf(() => socketExists(join(base, 's')))).toContain('to be a socket');
    expect(existsSync(join(base, 's'))).toBe(true);
  });
});

describe('the line reader', () => {
  const read = (chunks: readonly Uint8Array[], maxBytes = 1000): { lines: string[]; errors: string[] } => {
    const lines: string[] = [];
    const errors: string[] = [];
    const push = createLineReader(
      maxBytes,
      (line) => lines.push(line),
      (error) => errors.push(error.code),
    );
    for (const chunk of chunks) push(chunk);
    return { lines, errors };
  };

  test('gives the same lines for every chunking', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 30 })
      .filter((text) => text.trim() !== '' && !text.includes('\n') && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(20)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const chunks: Uint8Array[] = [];
        let from = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        chunks.push(bytes.subarray(from));
        expect(read(chunks, 10_000)).toEqual({ lines, errors: [] });
      }),
    );
  });

  test('never fails on any bytes and keeps no more than the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        const { lines, errors } = read(chunks, 40);
        expect(errors.length).toBeLessThanOrEqual(1);
        for (const text of lines) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(40);
      }),
    );
  });

  test('ends the stream at a line that is too long, once', () => {
    const { lines, errors } = read([
      Buffer.from('ok\n'),
      Buffer.alloc(600),
      Buffer.alloc(600),
      Buffer.from('\nlate\n'),
    ]);
    expect({ lines, errors }).toEqual({ lines: ['ok'], errors: ['input-too-large'] });
  });

  test('ends the stream at bytes that are not UTF-8', () => {
    expect(read([Buffer.from([0x7b, 0xff, 0xfe, 0x0a])])).toEqual({ lines: [], errors: ['protocol'] });
  });

  test('passes over empty lines', () => {
    expect(read([Buffer.from('\n  \n{}\n')]).lines).toEqual(['{}']);
  });

  test('is not fooled when the caller reuses its buffer', () => {
    const buffer = Buffer.from('abc');
    const lines: string[] = [];
    const push = createLineReader(
      100,
      (line) => lines.push(line),
      () => {},
    );
    push(buffer);
    buffer.fill('x');
    push(Buffer.from('d\n'));
    expect(lines).toEqual(['abcd']);
  });
});
