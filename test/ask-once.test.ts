import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askOnce } from '../src/ask-once.ts';
import { encodeReply, encodeStatusQuery } from '../src/protocol-daemon.ts';

/** Longer than any answer of this machine takes. */
const HANG_MS = 10_000;

describe('one question', () => {
  let dir: string;
  let socket: string;
  let stop = (): void => {};
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csh-ask-'));
    socket = join(dir, 'approval.sock');
  });
  afterEach(() => {
    stop();
    rmSync(dir, { recursive: true, force: true });
  });
  /** What is heard, and how the one that listens answers it; undefined closes. */
  const listen = (answer: string | Uint8Array | undefined): string[] => {
    const heard: string[] = [];
    const listener = Bun.listen({
      unix: socket,
      socket: {
        data: (peer, chunk) => {
          heard.push(chunk.toString());
          if (answer === undefined) peer.end();
          else peer.write(answer);
        },
      },
    });
    chmodSync(socket, 0o600);
    stop = () => listener.stop(true);
    return heard;
  };

  test('is sent as it is, and its reply comes back', async () => {
    const heard = listen(encodeReply({ type: 'retiring' }));
    expect(await askOnce(socket, encodeStatusQuery(), HANG_MS)).toEqual({ type: 'retiring' });
    expect(heard).toEqual([encodeStatusQuery()]);
  });

  test('to nobody is known at once', async () => {
    expect(await askOnce(socket, encodeStatusQuery(), HANG_MS)).toBe('absent');
  });

  test('to one that goes without a word is not taken for silence', async () => {
    listen(undefined);
    expect(await askOnce(socket, encodeStatusQuery(), HANG_MS)).toBe('closed');
  });

  test.each([
    ['no JSON', 'what?\n'],
    ['no reply of ours', '{"claude_slack_hook":{"type":"song"}}\n'],
    ['no text', new Uint8Array([0xff, 0x0a])],
  ])('that is answered with %s counts as not answered', async (_name, answer) => {
    listen(answer);
    expect(await askOnce(socket, encodeStatusQuery(), HANG_MS)).toBe('silent');
  });

  test('is given up when its time is over', async () => {
    listen('');
    expect(await askOnce(socket, encodeStatusQuery(), 20)).toBe('silent');
  });

  test('is not put to a socket that others could have made', async () => {
    listen(encodeReply({ type: 'retiring' }));
    chmodSync(socket, 0o666);
    expect(askOnce(socket, encodeStatusQuery(), HANG_MS)).rejects.toMatchObject({ code: 'socket-dir' });
  });
});
