import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { isUtf8 } from 'node:buffer';
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

  /** A stream cut after so many bytes each time; the last piece is the rest. */
  const cut = (bytes: Uint8Array, given: readonly number[]): Uint8Array[] => {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const length of given) {
      pieces.push(bytes.subarray(from, from + length));
      from += length;
    }
    return [...pieces, bytes.subarray(from)];
  };
  const lengths = fc.array(fc.oneof(fc.nat(3), fc.nat(200)), { maxLength: 30 });

  test('gives the same lines for every chunking', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((text) => text.trim() !== '' && !text.includes('\n') && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(line), lengths, (lines, given) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        expect(read(cut(bytes, given), 10_000)).toEqual({ lines, errors: [] });
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);

  /** Bytes of which some are lines, some too long, and some no UTF-8. */
  const BOUND = 40;
  const anything = fc
    .array(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.string({ unit: 'binary', maxLength: 20 }).map((text) => new Uint8Array(Buffer.from(text))),
        fc.constantFrom(new Uint8Array([10]), new Uint8Array([10]), new Uint8Array([13, 10]), new Uint8Array(41)),
      ),
      { maxLength: 12 },
    )
    .map((parts) => new Uint8Array(Buffer.concat(parts)));
  /** The same in other words: what a whole stream comes to. */
  const expected = (bytes: Uint8Array): { lines: string[]; errors: string[] } => {
    const lines: string[] = [];
    const parts = Buffer.from(bytes).toString('latin1').split('\n');
    for (const [index, part] of parts.entries()) {
      if (part.length > BOUND) return { lines, errors: ['input-too-large'] };
      if (index === parts.length - 1) break;
      const line = Buffer.from(part, 'latin1');
      if (!isUtf8(line)) return { lines, errors: ['protocol'] };
      if (line.toString().trim() !== '') lines.push(line.toString());
    }
    return { lines, errors: [] };
  };

  test('gives the same lines and the same end of any bytes for every chunking, and none longer than the bound', () => {
    fc.assert(
      fc.property(anything, lengths, (bytes, given) => {
        const result = read(cut(bytes, given), BOUND);
        expect(result).toEqual(expected(bytes));
        for (const text of result.lines) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(BOUND);
      }),
      { numRuns: 5_000 },
    );
  }, 30_000);

  test('keeps no more than the bound of a line that never ends', () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    const push = createLineReader(
      1_000_000,
      () => {},
      () => {},
    );
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 400; count += 1) push(chunk);
    Bun.gc(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
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
