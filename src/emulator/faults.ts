/** Trouble on command: which fault, if any, hits the next call of a method. */
import type { Fault } from './emulator-types.ts';

export interface Faults {
  /** Adds trouble for the next `times` calls of a method ('*' = any); the returned function takes it away. */
  add(method: string, fault: Fault, times: number): () => void;
  /** The fault for this call, counted as used; the oldest one wins. */
  take(method: string): Fault | undefined;
}

interface Entry {
  readonly method: string;
  readonly fault: Fault;
  left: number;
}

/** Creates an empty list of faults. */
export function createFaults(): Faults {
  const entries = new Set<Entry>();
  return {
    add: (method, fault, times) => {
      const entry: Entry = { method, fault, left: times };
      entries.add(entry);
      return () => entries.delete(entry);
    },
    take: (method) => {
      for (const entry of entries) {
        if (entry.method !== '*' && entry.method !== method) continue;
        entry.left -= 1;
        if (entry.left <= 0) entries.delete(entry);
        return entry.fault;
      }
      return undefined;
    },
  };
}
