/**
 * A process that fills an event log as fast as it can until it is killed: several senders at once, batches and single events,
 * named and not. Each answer is written to stdout when it is there: the numbers of the events that are stored.
 * Called with the path, the size of a full file, and the first number.
 */
import { writeSync } from 'node:fs';
import { createEventLog } from '../../src/store/event-log.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';

const [path = '', segmentBytes = '', first = ''] = process.argv.slice(2);
const store = await createEventLog({ path, segmentBytes: Number(segmentBytes) });
let next = Number(first);

async function send(size: number): Promise<never> {
  for (;;) {
    const numbers = Array.from({ length: size }, () => next++);
    const events = numbers.map((number) => {
      const data = { number, text: 'ü'.repeat(number % 300) };
      return number % 2 === 0
        ? anEvent({ data, host: `${process.pid} ${number}` })
        : aNamedEvent(`evt ${number}`, { data });
    });
    await store.append(events);
    writeSync(1, `${numbers.join(' ')}\n`);
  }
}

await Promise.all([1, 1, 1, 10, 50, 100].map(send));
