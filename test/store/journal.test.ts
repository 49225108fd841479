import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTurns } from '../../src/daemon-lock.ts';
import { createJournal, type Journal } from '../../src/store/journal.ts';
import { createJsonlStore } from '../../src/store/jsonl.ts';
import { segmentsOf } from '../../src/store/segments.ts';
import { verifyLog } from '../../src/store/verify.ts';
import type { StoreRecord } from '../../src/types.ts';

const NOW = 1_000_000_000;

describe('the journal', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-journal-'));
    path = join(dir, 'audit.jsonl');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const open = (change: { app?: string; maxBytes?: number; now?: number } = {}): Journal => {
    const { app = 'app', now = NOW, ...more } = change;
    const store = createJsonlStore(path, { ...more, lock: createTurns(join(dir, 'audit.lock')) });
    return createJournal({
      ...{ store, path, app, checkpoint: join(dir, `${app}.json`), now: () => now },
      nonceOf: (id) => `nonce of ${id}`,
    });
  };
  const ask = (journal: Journal, id: string, change: Partial<StoreRecord> = {}): void =>
    journal.append({
      ...{ type: 'asked', at: NOW, id, agent: 'claude', digest: `digest of ${id}`, approvers: ['U1', 'U2'], needed: 1 },
      ...{ expiresAt: NOW + 1000, fromConfig: true, offers: { form: 'permission' } },
      ...{ input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash' }, ...change },
    });
  const post = (journal: Journal, id: string, message: string, more: Record<string, unknown> = {}): void =>
    journal.append({
      type: 'posted',
      at: NOW,
      id,
      conversation: 'D1',
      message,
      complete: true,
      approver: 'U1',
      ...more,
    });
  const end = (journal: Journal, id: string, more: Record<string, unknown> = {}): void =>
    journal.append({ type: 'ended', at: NOW, id, kind: 'allowed', by: 'U1', via: 'Slack', ...more });
  const step = (journal: Journal, type: string, id: string): void => journal.append({ type, at: NOW, id });
  const finish = (journal: Journal, id: string): void => {
    for (const type of ['delivered', 'closed']) step(journal, type, id);
  };
  /** What a daemon that is started now finds, by id. */
  const left = (change?: Parameters<typeof open>[0]): readonly string[] =>
    open(change)
      .leftBehind()
      .filter(({ isAtEnd }) => !isAtEnd)
      .map(({ request }) => request.id);

  test('gives back what has no end, with all that is needed to go on', () => {
    const journal = open();
    ask(journal, 'a');
    post(journal, 'a', '1.1', { thread: '1.0' });
    journal.append({ type: 'approved', at: NOW, id: 'a', by: 'U2' });
    expect(open().leftBehind()).toEqual([
      {
        request: {
          ...{
            id: 'a',
            nonce: 'nonce of a',
            agent: 'claude',
            digest: 'digest of a',
            approvers: ['U1', 'U2'],
            needed: 1,
          },
          ...{ fromConfig: true, askedAt: NOW, expiresAt: NOW + 1000, offers: { form: 'permission' }, secrets: [] },
          input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash' },
        } as never,
        receipts: [{ conversation: 'D1', message: '1.1', complete: true, approver: 'U1', thread: '1.0' }],
        shownAt: NOW,
        approvedBy: ['U2'],
        isExact: true,
        isAtEnd: false,
      },
    ]);
  });

  test('is at the end of a request when its client knows and its messages say so, and not before', () => {
    const journal = open();
    ask(journal, 'a');
    post(journal, 'a', '1.1');
    end(journal, 'a');
    expect(left()).toEqual(['a']);
    step(journal, 'delivered', 'a');
    expect(left()).toEqual(['a']);
    step(journal, 'closed', 'a');
    expect(left()).toEqual([]);
    // A message that came after all has to be closed, too.
    post(journal, 'a', '1.2');
    expect(left()).toEqual(['a']);
    step(journal, 'closed', 'a');
    expect(left()).toEqual([]);
  });

  test('asks for no word to a client that is gone, and for no closed message where there was none', () => {
    const journal = open();
    ask(journal, 'a');
    end(journal, 'a', { kind: 'withdrawn', reason: 'gone' });
    ask(journal, 'b');
    end(journal, 'b', { rule: 'r' });
    step(journal, 'delivered', 'b');
    expect(left()).toEqual([]);
  });

  test('tells an outcome that was masked from one that stands there word for word', () => {
    const journal = open();
    for (const id of ['a', 'b']) ask(journal, id);
    end(journal, 'a', { masked: true });
    end(journal, 'b');
    expect(
      open()
        .leftBehind()
        .map(({ isExact, outcome }) => [isExact, outcome]),
    ).toEqual([
      [false, { at: NOW, kind: 'allowed', by: 'U1', via: 'Slack' }],
      [true, { at: NOW, kind: 'allowed', by: 'U1', via: 'Slack' }],
    ]);
  });

  test('gives beside an open request those that share its message, and those that have ended just now', () => {
    const journal = open();
    for (const id of ['shared', 'open', 'alone', 'long-ago']) ask(journal, id);
    for (const id of ['shared', 'open']) post(journal, id, '1.1', { isList: true });
    for (const id of ['alone', 'long-ago']) post(journal, id, `of ${id}`);
    for (const id of ['shared', 'alone']) end(journal, id);
    end(journal, 'long-ago', { at: NOW - 61_000 });
    for (const id of ['shared', 'alone', 'long-ago']) finish(journal, id);
    expect(
      open()
        .leftBehind()
        .map(({ request, isAtEnd }) => [request.id, isAtEnd]),
    ).toEqual([
      ['alone', true],
      ['open', false],
      ['shared', true],
    ]);
  });

  test('forgets after a day what nobody has brought to its end', () => {
    ask(open(), 'a');
    expect(left({ now: NOW + 86_000_000 })).toEqual(['a']);
    expect(left({ now: NOW + 86_402_000 })).toEqual([]);
  });

  test('goes on from a later moment although a request of long ago never came to its end', () => {
    ask(open(), 'old');
    const late = open({ now: NOW + 86_402_000 });
    expect(late.leftBehind()).toEqual([]);
    const now = { at: NOW + 86_402_000, expiresAt: NOW + 86_403_000 };
    ask(late, 'b', now);
    end(late, 'b');
    finish(late, 'b');
    late.close();
    expect(JSON.parse(readFileSync(join(dir, 'app.json'), 'utf8')).bytes).toBe(readFileSync(path).length);
  });

  test('gives no permission back that an approval also gave: it ended with its daemon', () => {
    const journal = open();
    ask(journal, 'a');
    post(journal, 'a', '1.1');
    end(journal, 'a', { grant: { rule: { toolName: 'Bash' }, forMs: 60_000 } });
    const [found] = open().leftBehind();
    expect(found?.outcome).toMatchObject({ kind: 'allowed', by: 'U1' });
    expect(found?.outcome).not.toHaveProperty('grant');
  });

  test('keeps no large input of what is at its end', () => {
    const journal = open();
    const tool_input = { command: 'x'.repeat(20_000) };
    for (const id of ['over', 'open']) {
      ask(journal, id, {
        input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash', tool_input },
      });
      post(journal, id, 'shared');
    }
    end(journal, 'over');
    finish(journal, 'over');
    const inputs = open()
      .leftBehind()
      .map(({ request }) => [request.id, JSON.stringify(request.input).length > 20_000]);
    expect(Object.fromEntries(inputs)).toEqual({ over: false, open: true });
  });

  test('is read from the last moment on at which nothing was open', () => {
    const journal = open();
    ask(journal, 'a');
    end(journal, 'a');
    finish(journal, 'a');
    journal.close();
    const { bytes } = JSON.parse(readFileSync(join(dir, 'app.json'), 'utf8'));
    expect(bytes).toBe(readFileSync(path).length);
    const next = open();
    ask(next, 'b');
    // Nothing before the checkpoint is looked at.
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, `${'x'.repeat(bytes - 1)}\n${text.slice(bytes)}`);
    expect(left()).toEqual(['b']);
  });

  test('is read whole when its checkpoint is of another file, garbage or gone', () => {
    const journal = open();
    ask(journal, 'a');
    for (const checkpoint of ['{"seq":7,"bytes":3}', 'garbage', '{"seq":1,"bytes":1e300}']) {
      writeFileSync(join(dir, 'app.json'), checkpoint);
      expect(left()).toEqual(['a']);
    }
    rmSync(join(dir, 'app.json'));
    expect(left()).toEqual(['a']);
  });

  test('goes over the files that have become full since', () => {
    const journal = open({ maxBytes: 600 });
    ask(journal, 'old');
    end(journal, 'old');
    finish(journal, 'old');
    journal.close();
    const next = open({ maxBytes: 600 });
    for (const id of ['a', 'b', 'c', 'd']) ask(next, id);
    end(next, 'b');
    finish(next, 'b');
    expect(segmentsOf(path).length).toBeGreaterThan(2);
    expect(left()).toEqual(['a', 'c', 'd']);
  });

  test('finds nothing in a log that is not there, that is none, or that an older version wrote', () => {
    expect(left()).toEqual([]);
    writeFileSync(path, 'no json\n{"type":"asked","at":1,"id":"a","app":"app","input":{}}\n');
    expect(left()).toEqual([]);
    renameSync(path, `${path}.old`);
    expect(existsSync(path)).toBe(false);
  });

  test('of two apps is one unbroken log, and each finds its own', () => {
    const [one, two] = [open({ app: 'one', maxBytes: 900 }), open({ app: 'two', maxBytes: 900 })];
    for (let round = 0; round < 5; round += 1) {
      ask(one, `one-${round}`);
      ask(two, `two-${round}`);
      end(one, `one-${round}`);
      finish(one, `one-${round}`);
    }
    expect(verifyLog(path).findings).toEqual([]);
    expect(segmentsOf(path).length).toBeGreaterThan(1);
    expect(left({ app: 'one' })).toEqual([]);
    expect(left({ app: 'two' })).toEqual(['two-0', 'two-1', 'two-2', 'two-3', 'two-4']);
    const text = [...segmentsOf(path).map((segment) => segment.path), path].map((file) => readFileSync(file, 'utf8'));
    expect(text.join('')).not.toContain('"type":"gap"');
  });

  test('believes no line that is not of the chain, and still says so when there is one', () => {
    const journal = open();
    ask(journal, 'a');
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"type":"ended","at":1,"id":"a","kind":"allowed"}\n`);
    expect(left()).toEqual(['a']);
    ask(journal, 'b');
    expect(readFileSync(path, 'utf8')).toContain('"type":"gap"');
  });
});
