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
import { headPath, segmentsOf } from '../../src/store/segments.ts';
import { verifyLog } from '../../src/store/verify.ts';
import type { StoreRecord } from '../../src/types.ts';

describe('the audit log', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-store-'));
    path = join(dir, 'state/audit.jsonl');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const lines = (from = 0): StoreRecord[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(from, -1)
      .map((line) => JSON.parse(line));

  test('is appended to, a line a record, and private', () => {
    const first = createJsonlStore(path);
    first.append({ type: 'asked', at: 1 });
    first.close();
    createJsonlStore(path).append({ type: 'ended', at: 2, text: 'a\nb' });
    expect(lines()).toMatchObject([
      { type: 'asked', at: 1 },
      { type: 'ended', at: 2, text: 'a\nb' },
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(headPath(path)).mode & 0o777).toBe(0o600);
  });

  test('does not glue a record to half a line that a crash has left', () => {
    mkdirSync(join(dir, 'state'));
    writeFileSync(path, '{"type":"asked","id":"to');
    createJsonlStore(path).append({ type: 'ended', at: 2 });
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('{"type":"asked","id":"to');
    expect(lines(1).at(-1)).toMatchObject({ type: 'ended', at: 2 });
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
    expect(lines()).toMatchObject([
      { type: 'gap', seq: 2, gap: 'the file was changed or replaced by somebody else' },
      { type: 'ended', seq: 3, at: 2 },
    ]);
  });

  test('goes on after its last record when it is opened again, with the hash of each line in the next', () => {
    for (const at of [1, 2, 3]) {
      const store = createJsonlStore(path);
      store.append({ type: 'asked', at });
      store.close();
    }
    const [first, second, third] = lines();
    expect([first?.seq, second?.seq, third?.seq]).toEqual([1, 2, 3]);
    expect(first?.prev).toBe('0'.repeat(64));
    expect([second?.prev, third?.prev]).toEqual([first?.hash, second?.hash]);
  });

  test('has hashes that sed and sha256sum come to as well', () => {
    createJsonlStore(path).append({
      type: 'asked',
      at: 1,
      text: 'ü€ "quoted"\n\ud800',
      b: { z: 1, a: [undefined, -0] },
    });
    const [body = ''] = readFileSync(path, 'utf8').split('\n');
    const bare = body.replace(/,"hash":"[0-9a-f]{64}"}$/, '}');
    expect(new Bun.CryptoHasher('sha256').update(bare).digest('hex')).toBe(String(lines()[0]?.hash));
    expect(bare).toBe(
      `{"at":1,"b":{"a":[null,0],"z":1},"prev":"${'0'.repeat(64)}","seq":1,"text":"ü€ \\"quoted\\"\\n\\ud800","type":"asked"}`,
    );
  });

  test('lets no record set the keys of the chain', () => {
    createJsonlStore(path).append({ type: 'asked', at: 1, seq: 7, prev: 'x', hash: 'y' });
    expect(lines()[0]).toMatchObject({ seq: 1, prev: '0'.repeat(64), hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('is in full files and a current one, and the chain goes through all of them', () => {
    const store = createJsonlStore(path, { maxBytes: 1000 });
    for (let at = 1; at <= 20; at += 1) store.append({ type: 'asked', at });
    const segments = segmentsOf(path);
    expect(segments.length).toBeGreaterThan(2);
    expect(segments[0]?.first).toBe(1);
    for (const [index, { first, path: file }] of segments.entries()) {
      if (index > 0) expect(first).toBe((segments[index - 1]?.last ?? 0) + 1);
      expect(statSync(file).size).toBeLessThan(1500);
    }
    expect(store.recent(3).map(({ at }) => at)).toEqual([18, 19, 20]);
    expect(verifyLog(path)).toMatchObject({ records: 20, findings: [], end: { seq: 20 } });
  });

  test('deletes full files that are older than it shall keep, and says which', () => {
    let now = 0;
    const day = 86_400_000;
    const store = createJsonlStore(path, { maxBytes: 1000, keepDays: () => 10, now: () => now });
    for (let at = 1; at <= 20; at += 1) store.append({ type: 'asked', at });
    const before = segmentsOf(path);
    now = 9 * day;
    store.append({ type: 'asked', at: now });
    expect(segmentsOf(path)).toEqual(before);
    now = 11 * day;
    store.append({ type: 'asked', at: now });
    const left = segmentsOf(path);
    expect(left.length).toBeLessThan(before.length);
    const retained = readLog().filter(({ type }) => type === 'retained');
    const deleted = before.filter(
      (segment) => !left.includes(segment) && !left.some((one) => one.path === segment.path),
    );
    expect(retained).toMatchObject([{ deleted: deleted.map(({ first, last }) => ({ first, last })) }]);
    expect(verifyLog(path)).toMatchObject({ findings: [], retained: deleted.at(-1)?.last });
  });

  test('keeps old files when the oldest is not what was written', () => {
    let now = 0;
    const store = createJsonlStore(path, { maxBytes: 1000, keepDays: () => 10, now: () => now });
    for (let at = 1; at <= 20; at += 1) store.append({ type: 'asked', at });
    const before = segmentsOf(path);
    writeFileSync(before[0]?.path ?? '', 'changed\n');
    now = 1e12;
    store.append({ type: 'asked', at: now });
    expect(segmentsOf(path)).toEqual(before);
  });

  test('begins anew when nothing is left of a first record that could not be written', () => {
    const store = createJsonlStore(path);
    expect(() => store.append({ type: 'asked', at: 1, unwritable: 1n })).toThrow(AppError);
    rmSync(join(dir, 'state'), { recursive: true });
    store.append({ type: 'asked', at: 2 });
    expect(lines()).toMatchObject([{ seq: 1, at: 2 }]);
    expect(verifyLog(path).findings).toEqual([]);
  });

  test('goes on after a record that its head could not follow', () => {
    const store = createJsonlStore(path);
    store.append({ type: 'asked', at: 1 });
    store.close();
    renameSync(headPath(path), `${path}.head`);
    mkdirSync(headPath(path));
    expect(() => store.append({ type: 'asked', at: 2 })).toThrow(AppError);
    rmSync(headPath(path), { recursive: true });
    renameSync(`${path}.head`, headPath(path));
    store.append({ type: 'asked', at: 3 });
    // What was not acknowledged is not there.
    expect(lines()).toMatchObject([{ at: 1 }, { at: 3 }]);
    expect(verifyLog(path).findings).toEqual([]);
  });

  test('of two writers has no gap after one of them could not write for a while', () => {
    let isHeld = false;
    const lock = (): (() => void) => {
      if (isHeld) throw new Error('somebody else holds it');
      return () => {};
    };
    const [one, other] = [createJsonlStore(path, { lock }), createJsonlStore(path)];
    one.append({ type: 'asked', at: 1 });
    isHeld = true;
    expect(() => one.append({ type: 'asked', at: 2 })).toThrow(AppError);
    for (const at of [3, 4]) other.append({ type: 'asked', at });
    isHeld = false;
    one.append({ type: 'asked', at: 5 });
    other.append({ type: 'asked', at: 6 });
    expect(lines().map(({ type, at }) => [type, at])).toEqual([1, 3, 4, 5, 6].map((at) => ['asked', at]));
    expect(verifyLog(path).findings).toEqual([]);
  });

  test('of two writers has no gap when one of them left half a line, and the other closed it off', () => {
    const [one, other] = [createJsonlStore(path), createJsonlStore(path)];
    one.append({ type: 'asked', at: 1 });
    // What a crash leaves.
    appendFileSync(path, '{"type":"asked","at":2');
    other.append({ type: 'asked', at: 3 });
    one.append({ type: 'asked', at: 4 });
    expect(readFileSync(path, 'utf8')).not.toContain('"type":"gap"');
    expect(verifyLog(path)).toMatchObject({ torn: 1, findings: [] });
  });

  test('finds records of more than 16 MiB again', () => {
    const store = createJsonlStore(path);
    for (const at of [1, 2]) store.append({ type: 'asked', at, text: 'x'.repeat(17 * 1024 * 1024) });
    store.close();
    expect(verifyLog(path)).toMatchObject({ records: 2, torn: 0, findings: [] });
  });

  test('finds its end behind records of a megabyte', () => {
    for (const at of [1, 2, 3]) {
      const store = createJsonlStore(path);
      store.append({ type: 'asked', at, text: '\u0001'.repeat(200_000) });
      store.close();
    }
    expect(verifyLog(path)).toMatchObject({ records: 3, torn: 0, findings: [] });
  });

  test('deletes nothing of itself', () => {
    const store = createJsonlStore(path, { maxBytes: 1000, now: () => 1e15 });
    for (let at = 1; at <= 20; at += 1) store.append({ type: 'asked', at });
    expect(readLog()).toHaveLength(20);
  });

  test('keeps a file that it cannot rename', () => {
    const store = createJsonlStore(path, { maxBytes: 100 });
    store.append({ type: 'asked', at: 1 });
    writeFileSync(join(dir, 'state/audit-1-1.jsonl'), '');
    store.append({ type: 'asked', at: 2 });
    expect(lines()).toMatchObject([{ at: 1 }, { at: 2 }]);
  });

  const readLog = (): StoreRecord[] =>
    [...segmentsOf(path).map((segment) => segment.path), path].flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    );

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
      expect(store.recent(3)).toMatchObject([3, 4, 5].map((at) => ({ type: 'asked', at })));
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
