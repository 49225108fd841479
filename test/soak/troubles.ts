/** Everything that goes wrong in a long run, each kind once in a hundred requests. */
import type { Emulator, Fault } from '../../src/emulator/emulator-types.ts';
import type { TestBench } from '../e2e/bench.ts';
import { connectPeer } from './peer.ts';
import { passed } from './soak.ts';

const PERIOD = 100;
const SPREAD = 5;
/** One request in ten comes from a process, and with it every second of these: processes can be killed. */
const TROUBLES = [
  'disconnect',
  'hook-sigkill',
  'status-500',
  'hook-sigterm',
  'html-page',
  'garbage',
  'hang',
  'stranger',
  'invalid-blocks',
  'double-click',
  'update-fails',
  'late-click',
  'rate-limit',
  'tcp-drop',
  'duplicate',
] as const;
export type Trouble = (typeof TROUBLES)[number];

const POST = 'chat.postMessage';
const UPDATES: readonly Fault[] = [
  { kind: 'status', status: 500 },
  { kind: 'rate-limit', seconds: 1 },
  { kind: 'hang' },
  { kind: 'error', error: 'message_not_found' },
  { kind: 'drop' },
];

/** What Slack does; `count` makes one time differ from the next. */
const OF_SLACK: Readonly<Partial<Record<Trouble, (slack: Emulator, count: number) => unknown>>> = {
  'rate-limit': (slack) => slack.fault(POST, { kind: 'rate-limit', seconds: 1 }),
  'status-500': (slack) => slack.fault(POST, { kind: 'status', status: 500 }),
  'html-page': (slack) => slack.fault(POST, { kind: 'status', status: 200 }),
  hang: (slack, count) => slack.fault(POST, { kind: 'hang', effect: count % 2 === 0 }),
  'invalid-blocks': (slack) => slack.fault(POST, { kind: 'error', error: 'invalid_blocks' }),
  'update-fails': (slack, count) => slack.fault('chat.update', UPDATES[count % UPDATES.length] ?? { kind: 'hang' }),
  disconnect: (slack, count) => slack.disconnect(count % 2 === 0 ? 'refresh_requested' : 'warning'),
  'tcp-drop': (slack) => slack.dropConnections(),
  duplicate: (slack) => slack.duplicate(1),
};

const GARBAGE: readonly Uint8Array[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  Buffer.from('{"claude_slack_hook":{"type":"outcome","outcome":{"kind":"allowed"}}}\n'),
  Buffer.from('{"hook_event_name":"PreToolUse"}\n'),
  Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
  Buffer.from('[[[[[[[[[[[[[[[[\n'),
  Buffer.from('{"half":'),
];
const GARBAGE_MS = 500;

/** What is to happen around the request with this number; most have no trouble. */
export function troubleOf(index: number): Trouble | undefined {
  return index % SPREAD === 0 ? TROUBLES[(index % PERIOD) / SPREAD] : undefined;
}

export function isProcess(index: number): boolean {
  return index % (2 * SPREAD) === SPREAD;
}

/** Makes Slack and strangers on the socket do their part; the rest is up to whoever asks and presses. */
export function makeTrouble(bench: TestBench, index: number): void {
  const trouble = troubleOf(index);
  const count = Math.floor(index / PERIOD);
  if (trouble === undefined) return;
  OF_SLACK[trouble]?.(bench.slack, count);
  if (trouble === 'garbage') void sendGarbage(bench, GARBAGE[count % GARBAGE.length] ?? GARBAGE[0]).catch(() => {});
}

async function sendGarbage(bench: TestBench, bytes: Uint8Array = Buffer.of()): Promise<void> {
  const peer = await connectPeer(bench);
  await peer.send(bytes);
  await Promise.race([peer.closed, passed(GARBAGE_MS)]);
  peer.cut();
}
