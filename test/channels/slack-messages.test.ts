import { heapStats } from 'bun:jsc';
import { describe, expect, test } from 'bun:test';
import type { SlackCalls } from '../../src/channels/slack-calls.ts';
import type { Click } from '../../src/channels/slack-clicks.ts';
import { createEditor } from '../../src/channels/slack-editor.ts';
import { createMessages } from '../../src/channels/slack-messages.ts';
import { createThreads } from '../../src/channels/slack-threads.ts';
import { AppError } from '../../src/errors.ts';
import type { ApprovalRequest, Outcome } from '../../src/types.ts';
import { actionIds, bash, HOST, INSTANCE, makeRequest, toolCall } from './requests.ts';

interface Call {
  readonly method: string;
  readonly text: string;
  readonly blocks: readonly object[];
  succeed(data?: Record<string, unknown>): void;
}

/** Messages over calls that end when the test says so. */
function createDesk() {
  const made: Call[] = [];
  const waiting: ((call: Call) => void)[] = [];
  const calls: SlackCalls = {
    upload: () => Promise.reject(new AppError('internal', 'Expected no upload')),
    call: (_lane, method, args) =>
      new Promise((resolve) => {
        const [text, blocks] = [String(args.text), args.blocks as readonly object[]];
        const call: Call = { method, text, blocks, succeed: (data = {}) => resolve(data) };
        const waiter = waiting.shift();
        if (waiter === undefined) made.push(call);
        else waiter(call);
      }),
  };
  const shared = { calls, now: Date.now, stopping: new AbortController().signal, maskRules: () => [], host: HOST };
  const editor = createEditor(shared);
  const messages = createMessages({
    ...{ ...shared, editor, threads: createThreads({ ...shared, editor, isOn: false }), instanceId: INSTANCE },
    ...{ broadcast: true, ready: async () => {}, lookAround: async () => ({}), dangerOf: () => undefined },
    onPosted: () => {},
  });
  /** The next call that nobody has taken yet. */
  const nextCall = (): Promise<Call> => {
    const call = made.shift();
    return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call);
  };
  const ask = (request: ApprovalRequest): void =>
    void messages.ask(request, new AbortController().signal, () => {}).catch(() => {});
  return { messages, nextCall, made, ask };
}

const WITHDRAWN: Outcome = { kind: 'withdrawn', reason: 'The agent no longer waits for an answer.', at: Date.now() };

function pressOn(ts: string, blocks: readonly object[]): Click {
  return {
    ...{ user: 'U0APPROVER', channel: 'D1', message: ts, threadTs: undefined, actionId: 'csh_approve', value: '' },
    ...{ selected: [], trigger: undefined, blocks: blocks as Click['blocks'] },
  };
}

describe('a message that was pressed in vain before Slack had said where it is', () => {
  test('says in the end what became of its request, though its buttons are being taken away meanwhile', async () => {
    const { messages, nextCall, ask } = createDesk();
    const request = makeRequest(bash('make deploy'));
    ask(request);
    const post = await nextCall();
    const closed = messages.close(request, WITHDRAWN);
    const removed = messages.removeButtons(pressOn('1.1', post.blocks), 'Over.');
    const removal = await nextCall();
    expect(removal.text).toBe('Over.');
    post.succeed({ channel: 'D1', ts: '1.1' });
    const closing = await nextCall();
    closing.succeed();
    await closed;
    // Slack may have taken this one last.
    removal.succeed();
    await removed;
    const last = await nextCall();
    expect({ method: last.method, text: last.text }).toEqual({ method: 'chat.update', text: closing.text });
    expect(last.text).toStartWith('Withdrawn');
  });

  test('has its buttons again when it was taken for a copy', async () => {
    const { messages, nextCall, ask } = createDesk();
    ask(makeRequest(bash('make deploy')));
    const post = await nextCall();
    const removed = messages.removeButtons(pressOn('1.1', post.blocks), 'A second copy.');
    const removal = await nextCall();
    expect(actionIds(removal.blocks)).toEqual([]);
    removal.succeed();
    await removed;
    post.succeed({ channel: 'D1', ts: '1.1' });
    const last = await nextCall();
    expect(actionIds(last.blocks)).toEqual(actionIds(post.blocks));
  });
});

describe('requests that are over', () => {
  const MEGABYTE = 1024 * 1024;
  /** As it comes from a socket. */
  const large = (index: number) =>
    JSON.parse(JSON.stringify(toolCall('Write', { file_path: '/x', content: `${index} line\n`.repeat(MEGABYTE / 8) })));
  const held = (): number => {
    Bun.gc(true);
    return heapStats().extraMemorySize / MEGABYTE;
  };

  test('do not keep their large inputs in memory', async () => {
    const { messages, nextCall } = createDesk();
    const before = held();
    for (let index = 0; index < 20; index += 1) {
      const request = makeRequest(large(index));
      const asked = messages.ask(request, new AbortController().signal, () => void request.input);
      (await nextCall()).succeed({ channel: 'D1', ts: `${index}.1` });
      await asked;
      const closed = messages.close(request, WITHDRAWN);
      (await nextCall()).succeed();
      await closed;
    }
    // One megabyte each, and as much again that the cards were cut from.
    expect(held() - before).toBeLessThan(8);
    expect(messages.entries.at('D1', '0.1')).toBeDefined();
  });
});
