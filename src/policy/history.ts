/** The audit log as what was asked before and how it ended. */
import { isObject } from '../protocol.ts';
import type { StoreRecord } from '../types.ts';
import type { HistoryEntry } from './candidates.ts';

/** One entry for each request among the records, in their order; secrets in them are masked. */
export function historyOf(records: readonly StoreRecord[]): readonly HistoryEntry[] {
  const decisions = new Map<unknown, HistoryEntry['decision']>();
  for (const { type, id, kind } of records) {
    if (type === 'ended' && (kind === 'allowed' || kind === 'denied')) decisions.set(id, kind);
  }
  return records.flatMap(({ type, id, digest, input }) => {
    if (type !== 'asked' || !isObject(input) || typeof digest !== 'string') return [];
    const { tool_name: tool, tool_input: toolInput, cwd } = input;
    if (typeof tool !== 'string' || typeof cwd !== 'string' || !isObject(toolInput)) return [];
    return [{ tool, input: toolInput, cwd, digest, decision: decisions.get(id) ?? 'none' }];
  });
}
