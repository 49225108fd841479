/** What may come over the daemon's socket that is of no use to anybody. */
import type { TestBench } from '../e2e/bench.ts';
import { connectPeer, type Peer } from './peer.ts';
import { passed } from './soak.ts';

export interface Noise {
  readonly kind: string;
  /** How much there is to be of it. */
  readonly bytes: number;
  /** What goes over one connection, in turn. */
  readonly parts: readonly Uint8Array[];
  /** The answers are not read. */
  readonly isDeaf?: true;
}

const MIB = 1_048_576;
const AT_ONCE = 8;
/** A daemon that falls behind must not hold up the rest. */
export const NOISE_LIMIT_MS = 60_000;
const CLOSE_MS = 10_000;
const AGAIN_MS = 100;

/** 300 MB of what is closed for itself, and a little of what is a question. */
export const NOISES: readonly Noise[] = [
  {
    kind: 'garbage lines',
    bytes: 75_000_000,
    parts: [filled('', 'no JSON at all\n', MIB), filled('{"hook_event_name":7}\n', '\u00ff\n', MIB)],
  },
  {
    kind: 'deeply nested lines',
    bytes: 75_000_000,
    parts: [filled('', '[', MIB - 1, '\n'), filled('{"a":', '{"a":', MIB - 1, '\n')],
  },
  {
    kind: 'more than 1 MiB without a newline',
    bytes: 75_000_000,
    parts: [filled('', 'x', 2 * MIB), filled('{"x":"', '\\u0000', 2 * MIB)],
  },
  {
    kind: 'half lines',
    bytes: 75_000_000,
    parts: [filled('{"hook_event_name":"PreToolUse","tool_input":{"command":"', 'x', MIB - 1)],
  },
  {
    kind: 'questions whose answers are not read',
    bytes: 1_000_000,
    parts: [filled('', '{"claude_slack_hook":{"type":"status"}}\n', 125_000)],
    isDeaf: true,
  },
];

/** Sends over connection after connection until the kernel has taken it all from us or time is up; resolves with how much it took. */
export async function makeNoise(bench: TestBench, { bytes, parts, isDeaf }: Noise): Promise<number> {
  const until = performance.now() + NOISE_LIMIT_MS;
  let sent = 0;
  const work = async (): Promise<void> => {
    for (let count = 0; sent < bytes && performance.now() < until; count += 1) {
      // A busy daemon's queue of connections is full.
      const peer = await connectPeer(bench).catch(() => passed(AGAIN_MS));
      const part = parts[count % parts.length];
      if (peer === undefined || part === undefined) continue;
      if (isDeaf === true) peer.ignore();
      await Promise.race([peer.send(part), passed(until - performance.now())]);
      await closed(peer, until);
      sent += peer.sent();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return sent;
}

/** Ends a connection as a program does that has said what it wanted to say. */
async function closed(peer: Peer, until: number): Promise<void> {
  peer.close();
  await Promise.race([peer.closed, passed(Math.min(CLOSE_MS, until - performance.now()))]);
  peer.cut();
}

/** So many bytes: a start, then the same again and again, then an end. One byte for each character. */
export function filled(start: string, filler: string, bytes: number, end = ''): Uint8Array {
  const body = Buffer.alloc(bytes - start.length - end.length, Buffer.from(filler, 'latin1'));
  return Buffer.concat([Buffer.from(start, 'latin1'), body, Buffer.from(end, 'latin1')]);
}
