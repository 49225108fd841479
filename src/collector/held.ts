/** What is heard before the store is there, or while it cannot take it: so much of it, and the oldest leaves first. */
import type { EventRecord } from '../events.ts';

export interface Held {
  add(event: EventRecord): void;
  isEmpty(): boolean;
  /** All of it, and how many events had to leave since it was asked last. */
  take(): { readonly events: readonly EventRecord[]; readonly lost: number };
}

const MAX_EVENTS = 5_000;
/** As JSON, in characters. */
const MAX_LENGTH = 32 * 1024 * 1024;

export function createHeld(maxEvents = MAX_EVENTS, maxLength = MAX_LENGTH): Held {
  const lengths = new Map<EventRecord, number>();
  let length = 0;
  let lost = 0;
  return {
    add: (event) => {
      const own = JSON.stringify(event).length;
      lengths.set(event, own);
      length += own;
      for (const [oldest, its] of lengths) {
        if (lengths.size <= maxEvents && length <= maxLength) return;
        lengths.delete(oldest);
        length -= its;
        lost += 1;
      }
    },
    isEmpty: () => lengths.size === 0,
    take: () => {
      const taken = { events: [...lengths.keys()], lost };
      lengths.clear();
      [length, lost] = [0, 0];
      return taken;
    },
  };
}
