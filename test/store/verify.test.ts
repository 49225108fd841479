import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { encodeHead, START, seal } from '../../src/store/chain.ts';
import { createJsonlStore } from '../../src/store/jsonl.ts';
import { headPath, segmentsOf } from '../../src/store/segments.ts';
import { type Verification, verifyLog } from '../../src/store/verify.ts';
import type { StoreRecord } from '../../src/types.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'csh-verify-'));
  path = join(dir, 'audit.jsonl');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Appends records at these times and closes the log. */
function write(...times: readonly number[]): void {
  const store = createJsonlStore(path);
  for (const at of times) store.append({ type: 'asked', at });
  store.close();
}
const linesOfLog = (): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const setLines = (lines: readonly string[]): void => writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
const copyOver = (): void => {
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
};
const kinds = ({ findings }: Verification): string[] => findings.map(({ kind, line }) => `${kind} ${line}`);

describe('a log that is what was written', () => {
  test('is found to be so, also when it was never begun', () => {
    expect(verifyLog(path)).toMatchObject({ records: 0, files: 0, findings: [] });
    write(1, 2, 3);
    write(4);
    expect(verifyLog(path)).toMatchObject({
      records: 4,
      files: 1,
      torn: 0,
      unchained: 0,
      end: { seq: 4 },
      findings: [],
    });
  });

  test('may begin with lines from before the chain, which nobody can change any more', () => {
    writeFileSync(path, '{"type":"asked","at":1}\n{"type":"ended","at":2}');
    expect(verifyLog(path)).toMatchObject({ records: 0, unchained: 2, findings: [] });
    write(3);
    expect(verifyLog(path)).toMatchObject({ records: 2, unchained: 2, findings: [] });
    setLines(linesOfLog().map((line, index) => (index === 0 ? line.replace('1', '9') : line)));
    expect(kinds(verifyLog(path))).toEqual(['changed 3']);
    setLines(linesOfLog().slice(1));
    expect(kinds(verifyLog(path))).toEqual(['changed 2']);
  });

  test('may have a line that a crash has cut short, before and after the daemon has come back', () => {
    write(1, 2);
    appendFileSync(path, seal({ type: 'ended', at: 3 }, START).line.subarray(0, 30));
    expect(verifyLog(path)).toMatchObject({ records: 2, torn: 1, findings: [] });
    write(4);
    expect(verifyLog(path)).toMatchObject({ records: 4, torn: 1, findings: [] });
    expect(JSON.parse(linesOfLog()[3] ?? '')).toMatchObject({ type: 'torn', torn: true, bytes: 30 });
  });

  test('may have a line cut short twice in a row', () => {
    write(1);
    appendFileSync(path, '{"half\n{"at":1,');
    write(4);
    expect(verifyLog(path)).toMatchObject({ records: 3, torn: 1, findings: [] });
  });

  test('may have a record whose line break alone is missing: it gets one', () => {
    write(1);
    const head = readFileSync(headPath(path));
    write(2);
    writeFileSync(headPath(path), head);
    truncateSync(path, readFileSync(path).length - 1);
    expect(verifyLog(path)).toMatchObject({ records: 1, torn: 1, findings: [] });
    write(3);
    expect(verifyLog(path)).toMatchObject({ records: 3, torn: 0, findings: [] });
  });

  test('may have a record that the head does not know yet', () => {
    write(1);
    const head = readFileSync(headPath(path));
    write(2);
    writeFileSync(headPath(path), head);
    expect(verifyLog(path).findings).toEqual([]);
    write(3);
    expect(verifyLog(path)).toMatchObject({ records: 3, findings: [] });
  });

  test('may end its first new file with half a line', () => {
    const store = createJsonlStore(path, { maxBytes: 100 });
    for (const at of [1, 2]) store.append({ type: 'asked', at });
    store.close();
    renameSync(path, join(dir, 'audit-2-2.jsonl'));
    writeFileSync(path, '{"at"');
    write(3);
    expect(verifyLog(path)).toMatchObject({ files: 3, records: 4, torn: 1, findings: [] });
  });
});

describe('of a log that was tampered with', () => {
  test('a changed line is named', () => {
    write(1, 2, 3);
    setLines(linesOfLog().map((line, index) => (index === 1 ? line.replace('"at":2', '"at":7') : line)));
    expect(kinds(verifyLog(path))).toEqual(['changed 2']);
  });

  test('a line that was changed and given a hash of its own is found by the next one', () => {
    write(1, 2, 3);
    const [first = '', , third = ''] = linesOfLog();
    const { hash } = JSON.parse(first);
    const forged = seal({ type: 'asked', at: 7 }, { seq: 1, hash }).line.toString().trimEnd();
    setLines([first, forged, third]);
    expect(kinds(verifyLog(path))).toEqual(['changed 3']);
  });

  test('half a line is missed when it is taken out', () => {
    write(1);
    appendFileSync(path, '{"half');
    write(2);
    setLines(linesOfLog().toSpliced(1, 1));
    expect(kinds(verifyLog(path))).toEqual(['removed 2']);
  });

  test('removed, swapped and inserted lines are told apart', () => {
    write(1, 2, 3, 4);
    const [a = '', b = '', c = '', d = ''] = linesOfLog();
    for (const [lines, expected] of [
      [[a, b, d], 'removed 3'],
      [[b, c, d], 'removed 1'],
      [[a, b, c], 'removed 4'],
      [[a, c, b, d], 'swapped 2'],
      [[b, a, c, d], 'swapped 2'],
      [[a, b, d, c], 'swapped 3'],
      [[a, a, b, c, d], 'swapped 2'],
      [[a, '{"type":"asked","at":1}', b, c, d], 'inserted 2'],
      [[a, b, c, d, '{"type":"asked","at":1}'], 'inserted 5'],
      [[a, b, c, d, 'x'], 'torn 5'],
      [[], 'removed 1'],
    ] as const) {
      setLines(lines);
      expect(kinds(verifyLog(path))).toEqual([expected]);
    }
  });

  test('a record that continues the chain and was never written is found', () => {
    write(1);
    const { hash } = JSON.parse(linesOfLog()[0] ?? '');
    const one = seal({ type: 'asked', at: 2 }, { seq: 1, hash });
    appendFileSync(path, Buffer.concat([one.line, seal({ type: 'asked', at: 3 }, one.link).line]));
    expect(kinds(verifyLog(path))).toEqual(['inserted 3']);
  });

  test('a head that is gone, older or somebody else’s is found', () => {
    write(1, 2);
    const early = readFileSync(headPath(path));
    write(3, 4);
    writeFileSync(headPath(path), early);
    expect(kinds(verifyLog(path))).toEqual(['inserted 4']);
    writeFileSync(headPath(path), 'x');
    expect(kinds(verifyLog(path))).toEqual(['changed 1']);
    rmSync(headPath(path));
    expect(kinds(verifyLog(path))).toEqual(['removed 1']);
  });

  test('what is missing at the end stays found when the daemon goes on', () => {
    write(1, 2, 3);
    setLines(linesOfLog().slice(0, 2));
    write(4);
    expect(verifyLog(path)).toMatchObject({ end: { seq: 5 }, findings: [{ kind: 'gap', line: 3 }] });
  });

  test('a line that was added while no daemon ran stays found when one goes on', () => {
    write(1);
    appendFileSync(path, '{"type":"ended","at":2}\n');
    write(3);
    expect(verifyLog(path)).toMatchObject({ records: 3, torn: 0, findings: [{ kind: 'gap', line: 3 }] });
  });

  test('a beginning that was deleted is explained only by the hash of what was deleted', () => {
    const after = { seq: 4, hash: 'a'.repeat(64) };
    const log = (hash: string): void => {
      const { line, link } = seal({ type: 'retained', at: 1, deleted: [{ first: 1, last: 4, hash }] }, after);
      writeFileSync(path, line);
      writeFileSync(headPath(path), encodeHead(link));
    };
    log(after.hash);
    expect(verifyLog(path)).toMatchObject({ retained: 4, findings: [] });
    log('b'.repeat(64));
    expect(kinds(verifyLog(path))).toEqual(['removed 1']);
  });

  test.each([
    ['cut', () => truncateSync(path, 10)],
    ['added to', () => appendFileSync(path, '{"type":"ended","at":2}\n')],
    ['added half a line to', () => appendFileSync(path, 'half')],
    ['moved away', () => renameSync(path, `${path}.old`)],
    ['copied over', copyOver],
    ['deleted with all that is beside it', () => rmSync(dir, { recursive: true })],
  ])('a file that was %s while the daemon ran goes on with a record that says so', (_name, change) => {
    const store = createJsonlStore(path);
    for (const at of [1, 2]) store.append({ type: 'asked', at });
    change();
    for (const at of [3, 4]) store.append({ type: 'asked', at });
    const records = linesOfLog().flatMap((line) =>
      line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : [],
    );
    expect(records.slice(-3)).toMatchObject([
      { type: 'gap', seq: 3 },
      { at: 3, seq: 4 },
      { at: 4, seq: 5 },
    ]);
    const { findings } = verifyLog(path);
    expect(findings.map(({ kind }) => kind)).toContain('gap');
  });

  test('a full file that is missing or in another order is found', () => {
    const store = createJsonlStore(path, { maxBytes: 1000 });
    for (let at = 1; at <= 20; at += 1) store.append({ type: 'asked', at });
    const [first, second] = segmentsOf(path);
    const away = join(dir, 'away');
    renameSync(second?.path ?? '', away);
    expect(verifyLog(path).findings).toMatchObject([{ kind: 'removed' }]);
    renameSync(away, second?.path ?? '');
    expect(verifyLog(path).findings).toEqual([]);
    rmSync(first?.path ?? '');
    expect(verifyLog(path).findings).toMatchObject([{ kind: 'removed', line: 1 }]);
  });
});

/** A log of three files, with a torn line, as the bytes of each file. */
const anyLog = fc.record({
  texts: fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constant('\ufffd\n"')), {
    minLength: 2,
    maxLength: 8,
  }),
  isTorn: fc.boolean(),
  isOld: fc.boolean(),
});

describe('property', () => {
  const make = ({ texts, isTorn, isOld }: { texts: readonly string[]; isTorn: boolean; isOld: boolean }): void => {
    rmSync(dir, { recursive: true, force: true });
    if (isOld) createJsonlStore(path).append({ type: 'asked', at: 0 });
    if (isOld) rmSync(headPath(path));
    if (isOld) setLines(['{"type":"asked","at":0}', '{"type":"ended","at":1}']);
    const middle = Math.floor(texts.length / 2);
    const append = (some: readonly string[]): void => {
      const store = createJsonlStore(path, { maxBytes: 700 });
      for (const text of some) store.append({ type: 'asked', at: 1, text } satisfies StoreRecord);
      store.close();
    };
    append(texts.slice(0, middle));
    if (isTorn) appendFileSync(path, '{"at":1,"te');
    append(texts.slice(middle));
  };
  const files = (): string[] => [...segmentsOf(path).map((segment) => segment.path), path, headPath(path)];
  const spot = fc.nat({ max: 1_000_000 });

  test('no log is found broken that was only written', () => {
    fc.assert(
      fc.property(anyLog, (log) => {
        make(log);
        const { findings, torn, unchained } = verifyLog(path);
        expect({ findings, torn, unchained }).toEqual({
          findings: [],
          torn: log.isTorn ? 1 : 0,
          unchained: log.isOld ? 2 : 0,
        });
      }),
      { numRuns: 60 },
    );
  });

  test('a crash at any byte of a write is no finding, before and after the daemon went on', () => {
    fc.assert(
      fc.property(anyLog, spot, (log, cutAt) => {
        make(log);
        const head = readFileSync(headPath(path));
        const before = existsSync(path) ? readFileSync(path).length : 0;
        write(5);
        const { length } = readFileSync(path);
        truncateSync(path, before + (cutAt % (length - before + 1)));
        writeFileSync(headPath(path), head);
        expect(verifyLog(path).findings).toEqual([]);
        write(6);
        expect(verifyLog(path).findings).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('[A83] flipping any bit of any byte is found', () => {
    fc.assert(
      fc.property(
        anyLog,
        fc.array(fc.tuple(spot, spot, fc.nat({ max: 7 })), { minLength: 20, maxLength: 20 }),
        (log, flips) => {
          make(log);
          for (const [fileAt, byteAt, bit] of flips) {
            const file = files()[fileAt % files().length] ?? path;
            const bytes = readFileSync(file);
            const changed = Buffer.from(bytes);
            changed[byteAt % bytes.length] = (bytes[byteAt % bytes.length] ?? 0) ^ (1 << bit);
            writeFileSync(file, changed);
            expect(verifyLog(path).findings).not.toEqual([]);
            writeFileSync(file, bytes);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('[A83] deleting, repeating, swapping, inserting and cutting lines is found, also after the daemon went on', () => {
    const edit = fc.constantFrom('delete', 'repeat', 'swap', 'insert', 'cut', 'truncate', 'unlink');
    fc.assert(
      fc.property(anyLog, fc.array(fc.tuple(edit, spot, spot), { minLength: 8, maxLength: 8 }), (log, edits) => {
        make(log);
        const kept = files().map((file) => [file, readFileSync(file)] as const);
        for (const [kind, fileAt, lineAt] of edits) {
          const data = files().slice(0, -1);
          const file = data[fileAt % data.length] ?? path;
          const bytes = readFileSync(file);
          const lines = bytes.toString('latin1').split('\n').slice(0, -1);
          const at = lineAt % lines.length;
          const [one = '', other = ''] = [lines[at], lines[(at + 1) % lines.length]];
          const edited = {
            delete: lines.toSpliced(at, 1),
            repeat: lines.toSpliced(at, 0, one),
            swap: at + 1 < lines.length ? lines.toSpliced(at, 2, other, one) : lines.toSpliced(at, 1),
            insert: lines.toSpliced(at, 0, '{"at":1,"type":"asked"}'),
            cut: lines.toSpliced(at, 1, one.slice(0, lineAt % one.length)),
            truncate: lines.slice(0, at),
            unlink: [],
          }[kind];
          if (kind === 'unlink') rmSync(file);
          else writeFileSync(file, Buffer.from(edited.map((line) => `${line}\n`).join(''), 'latin1'));
          expect([kind, verifyLog(path).findings.length]).not.toEqual([kind, 0]);
          write(9);
          expect([kind, verifyLog(path).findings.length]).not.toEqual([kind, 0]);
          for (const file of files()) if (existsSync(file)) rmSync(file);
          for (const [name, content] of kept) writeFileSync(name, content);
        }
      }),
      { numRuns: 40 },
    );
  });
});
