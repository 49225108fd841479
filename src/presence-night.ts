/** What happened in quiet hours, told to each approver in one message when they are over. */
import { quietUntil, quietWindow } from './presence.ts';
import { isObject } from './protocol.ts';
import type { NightItem, Outcome, PresenceRules, StoreRecord } from './types.ts';

export interface NightOptions {
  /** The config file's, as it is now; undefined when it has none. Must not throw. */
  readonly rules: () => PresenceRules | undefined;
  /** The last records of the audit log, oldest first. */
  readonly recent: (limit: number) => readonly StoreRecord[];
  readonly append: (record: StoreRecord) => void;
  /** The key of the Slack app; other apps' daemons write into the same log. */
  readonly app: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly tell: (approver: string, items: readonly NightItem[]) => void;
}

export interface Night {
  /** To be called with every record, once it is written. */
  note(record: StoreRecord): void;
  /** Tells what there is to tell; to be called every now and then while the channel works. May throw what `append` throws. */
  look(): void;
  /** It is quiet, and something is to be told afterwards. */
  isOwed(): boolean;
}

/** So many records are looked through: more than a night brings, and read in a moment. */
const RECORDS = 10_000;

export function createNight({ rules, recent, append, app, now, tell }: NightOptions): Night {
  /** The end of the hours that were told, or brought nothing. */
  let doneTo: number | undefined;
  let isOwed: boolean | undefined;

  const isQuiet = (): boolean => {
    const { quietHours } = rules() ?? {};
    return quietHours !== undefined && quietUntil(quietHours, now()) !== undefined;
  };
  const tellAll = (from: number, to: number): void => {
    const told = nightItems(recent(RECORDS), { app, from, to });
    if (told.size === 0) return;
    // Written down first: to be told twice is worse than not at all.
    append({ type: 'digest', at: now(), app, from, until: to, to: [...told.keys()] });
    for (const [approver, items] of told) tell(approver, items);
  };

  return {
    note: ({ type }) => {
      if (type === 'ended' && isOwed !== true && isQuiet()) isOwed = true;
    },
    look: () => {
      const { quietHours } = rules() ?? {};
      if (quietHours === undefined) {
        isOwed = false;
        return;
      }
      const { from, to } = quietWindow(quietHours, now());
      if (isQuiet()) {
        // An earlier daemon of this night may have left something.
        isOwed ??= nightItems(recent(RECORDS), { app, from, to }).size > 0;
        return;
      }
      isOwed = false;
      if (doneTo === to) return;
      doneTo = to;
      tellAll(from, to);
    },
    isOwed: () => isOwed === true && isQuiet(),
  };
}

interface Asked {
  readonly approvers: readonly string[];
  readonly item: Pick<NightItem, 'tool' | 'call'>;
  wasShown: boolean;
}

/** What ended in that time without a card, by whom it would have been shown to; nothing when that was told already. Times are milliseconds since the epoch. */
export function nightItems(
  records: readonly StoreRecord[],
  { app, from, to }: { readonly app: string; readonly from: number; readonly to: number },
): ReadonlyMap<string, readonly NightItem[]> {
  const asked = new Map<string, Asked>();
  const items = new Map<string, NightItem[]>();
  for (const record of records) {
    const id = String(record.id);
    const known = asked.get(id);
    if (record.type === 'digest' && record.app === app && record.at >= to) return new Map();
    if (record.type === 'asked' && record.app === app) asked.set(id, askedIn(record));
    if (record.type === 'posted' && known !== undefined) known.wasShown = true;
    if (record.type !== 'ended' || known === undefined || known.wasShown) continue;
    // Somebody was awake.
    if (record.kind === 'elsewhere') continue;
    if (record.at < from || record.at >= to) continue;
    const rule = typeof record.rule === 'string' ? { rule: record.rule } : {};
    const item = { ...known.item, at: record.at, kind: record.kind as Outcome['kind'], ...rule };
    for (const approver of known.approvers) items.set(approver, [...(items.get(approver) ?? []), item]);
  }
  return items;
}

/** Secrets in a record are masked already. */
function askedIn({ approvers, input }: StoreRecord): Asked {
  const { tool_name: tool, tool_input: given, hook_event_name: event } = objectOf(input);
  const call = Object.values(objectOf(given)).find((value) => typeof value === 'string');
  return {
    approvers: Array.isArray(approvers) ? approvers.map(String) : [],
    item: { tool: String(tool ?? event), call: String(call ?? '') },
    wasShown: false,
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
