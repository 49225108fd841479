import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
});
