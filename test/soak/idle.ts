/** A daemon of 256 descriptors and 1,000 connections that never say a whole line: a hook is served all the same, and they go after 10 s. */
import { readFileSync } from 'node:fs';
import { BINARY, payload, type TestBench } from '../e2e/bench.ts';
import { daemonOf, descriptorsOf } from './daemon.ts';
import { endingOf } from './hooks.ts';
import { connectPeer, type Peer } from './peer.ts';
import { atMost, exactly, type Row, withSoak } from './soak.ts';

const CONNECTIONS = 1_000;
const DESCRIPTORS = 256;
/** What the kernel queues for a listener that is busy. */
const AT_ONCE = 50;
const SERVED_MS = 500;
/** `IDLE_MS` of the listener, and the second between two of its looks. */
const IDLE_S = [10, 11.5] as const;
const SERVED_TIMES = 20;

export function idle(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    // Both limits: the daemon raises its soft one to the hard one.
    const limited = ['/bin/sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$0"`, BINARY];
    const waiting = await bench.ask(payload('PreToolUse.Bash'), { command: limited });
    const daemon = await daemonOf(bench);
    const limit = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${daemon}/limits`, 'utf8'));
    const before = descriptorsOf(daemon);
    const peers = await crowd(bench);
    const closed = Promise.all(peers.map((peer) => peer.closed));
    const served: number[] = [];
    const descriptors: number[] = [];
    // Well within the 10 s, so that the crowd is there all the time.
    for (let count = 0; count < SERVED_TIMES; count += 1) {
      served.push(await serve(bench));
      descriptors.push(descriptorsOf(daemon));
    }
    const lived = await closed;
    await bench.press(waiting.card, 'csh_approve');
    const longest = Math.max(...lived) / 1000;
    return [
      exactly('limits of the daemon, soft and hard', `${limit?.[1]} ${limit?.[2]}`, `${DESCRIPTORS} ${DESCRIPTORS}`),
      atMost(
        `a hook beside ${CONNECTIONS} idle connections is shown and answered, slowest of ${SERVED_TIMES}`,
        Math.max(...served),
        SERVED_MS,
        'ms',
      ),
      {
        what: 'the last idle connections are closed after',
        bound: `${IDLE_S[0]} to ${IDLE_S[1]} s`,
        measured: `${longest.toFixed(1)} s (${lived.filter((ms) => ms >= IDLE_S[0] * 1000).length} of them, the others for want of room)`,
        ok: longest >= IDLE_S[0] && longest <= IDLE_S[1],
      },
      exactly('the hook that waited all the time', endingOf(await waiting.hook.ended), 'allow'),
      atMost(`descriptors of the daemon, ${before} before`, Math.max(...descriptors), DESCRIPTORS, 'of them'),
    ];
  });
}

/** Each has said something: who never does goes sooner, after 5 s. */
async function crowd(bench: TestBench): Promise<readonly Peer[]> {
  const peers: Peer[] = [];
  const join = async (): Promise<Peer> => {
    const peer = await connectPeer(bench);
    await peer.send(Buffer.from('{'));
    return peer;
  };
  while (peers.length < CONNECTIONS) {
    const tried = await Promise.allSettled(Array.from({ length: AT_ONCE }, join));
    for (const result of tried) if (result.status === 'fulfilled') peers.push(result.value);
  }
  return peers;
}

/** From the start of a hook to its end, in milliseconds. */
async function serve(bench: TestBench): Promise<number> {
  const startedAt = performance.now();
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
  await bench.press(card, 'csh_approve');
  const ran = await hook.ended;
  return endingOf(ran) === 'allow' ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
}
