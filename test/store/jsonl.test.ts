import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/errors.ts';
import { createJsonlStore } from '../../src/store/jsonl.ts';

describe('the audit log', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-store-'));
    path = join(dir, 'state/audit.jsonl');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('is appended to, a line a record, and private', () => {
    const first = createJsonlStore(path);
    first.append({ type: 'asked', at: 1 });
    first.close();
    createJsonlStore(path).append({ type: 'ended', at: 2, text: 'a\nb' });
    expect(readFileSync(path, 'utf8')).toBe('{"type":"asked","at":1}\n{"type":"ended","at":2,"text":"a\\nb"}\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('does not glue a record to half a line that a crash has left', () => {
    mkdirSync(join(dir, 'state'));
    writeFileSync(path, '{"type":"asked","id":"to');
    createJsonlStore(path).append({ type: 'ended', at: 2 });
    expect(readFileSync(path, 'utf8').split('\n')[1]).toBe('{"type":"ended","at":2}');
  });

  test('that cannot be written throws', () => {
    expect(() => createJsonlStore('/dev/full').append({ type: 'asked', at: 1 })).toThrow(AppError);
    expect(() => createJsonlStore('/proc/nowhere/audit.jsonl').append({ type: 'asked', at: 1 })).toThrow(AppError);
  });

  test('that was moved away goes on under its name', () => {
    const store = createJsonlStore(path);
    store.append({ type: 'asked', at: 1 });
    renameSync(path, `${path}.old`);
    store.append({ type: 'ended', at: 2 });
    expect(readFileSync(path, 'utf8')).toBe('{"type":"ended","at":2}\n');
  });

  describe('read back', () => {
    const numbers = (limit: number) =>
      createJsonlStore(path)
        .recent(limit)
        .map(({ at }) => at);
    const write = (...lines: readonly string[]): void => {
      mkdirSync(join(dir, 'state'), { recursive: true });
      writeFileSync(path, lines.join('\n'));
    };
    const line = (at: number, more = {}): string => JSON.stringify({ type: 'asked', at, ...more });

    test('gives the last records, oldest first', () => {
      const store = createJsonlStore(path);
      for (const at of [1, 2, 3, 4, 5]) store.append({ type: 'asked', at });
      expect(store.recent(3)).toEqual([3, 4, 5].map((at) => ({ type: 'asked', at })));
      expect(numbers(5)).toEqual([1, 2, 3, 4, 5]);
      expect(numbers(100)).toEqual([1, 2, 3, 4, 5]);
    });

    test('of a file that is not there, or empty, gives nothing', () => {
      expect(numbers(10)).toEqual([]);
      write('');
      expect(numbers(10)).toEqual([]);
    });

    test('leaves out the last line when it is torn, and all that is no record', () => {
      write(line(1), 'not json', '[]', 'null', '5', '{"at":2}', '{"type":7,"at":3}', line(4), '{"type":"asked","at":5');
      expect(numbers(100)).toEqual([1, 4]);
    });

    test('gives as many as it may when the last line is torn', () => {
      write(line(1), line(2), line(3), '{"type":"asked","at":4');
      expect(numbers(2)).toEqual([2, 3]);
    });

    test('of a long log reads the last four megabytes, without the line that begins before them', () => {
      const text = 'x'.repeat(100_000);
      const count = 60;
      write(...Array.from({ length: count }, (_, at) => line(at, { text })), '');
      const length = Buffer.byteLength(line(10, { text })) + 1;
      const whole = Math.floor(4_000_000 / length);
      expect(numbers(1000)).toEqual(Array.from({ length: whole }, (_, index) => count - whole + index));
      expect(statSync(path).size).toBeGreaterThan(5_000_000);
    });

    test('of a log with one endless line gives nothing, and of the next record that one', () => {
      write(line(1, { text: 'x'.repeat(5_000_000) }), '');
      expect(numbers(10)).toEqual([]);
      appendFileSync(path, `${line(2)}\n`);
      expect(numbers(10)).toEqual([2]);
    });

    test('cuts no character of several bytes in two that is part of what it gives', () => {
      const text = '€'.repeat(33_333);
      write(...Array.from({ length: 60 }, (_, at) => line(at, { text })), '');
      const records = createJsonlStore(path).recent(1000);
      expect(records.length).toBeGreaterThan(30);
      for (const record of records) expect(record.text).toBe(text);
    });

    test('waits for no pipe and follows no link that somebody put there', () => {
      mkdirSync(join(dir, 'state'));
      expect(Bun.spawnSync(['mkfifo', path]).exitCode).toBe(0);
      expect(numbers(10)).toEqual([]);
      rmSync(path);
      const other = join(dir, 'other');
      writeFileSync(other, line(1));
      symlinkSync(other, path);
      expect(numbers(10)).toEqual([]);
      rmSync(path);
      mkdirSync(path);
      expect(numbers(10)).toEqual([]);
    });
  });
});
