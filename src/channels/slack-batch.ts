/** Requests of one session that wait together, in one message: each whole, with buttons of its own, and one for all that may be. */
import type { ActionsBlock, KnownBlock } from '@slack/types';
import type { Masker } from '../secrets.ts';
import type { ApprovalRequest, Outcome, Run } from '../types.ts';
import { harmlessText } from './slack-blocks.ts';
import type { CardBody } from './slack-body.ts';
import { button } from './slack-buttons.ts';
import type { Looks } from './slack-editor.ts';
import {
  bold,
  code,
  costOfBlocks,
  header,
  italic,
  type RichTextPart,
  richText,
  section,
  text,
} from './slack-elements.ts';
import { outcomeElements } from './slack-outcome.ts';
import {
  APPROVE_ACTION,
  APPROVE_ALL_ACTION,
  buttonValue,
  DECIDE_BLOCK,
  DENY_ACTION,
  MORE_ACTION,
  manyValue,
  ROW_BLOCK,
} from './slack-values.ts';
import { WORDS } from './wording.ts';
import { endedTitle } from './wording-ended.ts';
import { approveAll, batchTitle, notInAll } from './wording-session.ts';

export interface Row {
  readonly request: ApprovalRequest;
  readonly body: CardBody;
  readonly masker: Masker;
  readonly outcome?: Outcome;
  readonly run?: Run;
  /** It has a message of its own further down, or is in a later list. */
  readonly isElsewhere: boolean;
  /** Why it must be looked at by itself; undefined when it may be approved together with others. */
  readonly danger: string | undefined;
}

/** A row takes two blocks of the fifty of a message (Block Kit reference); a person reads fewer. */
const MAX_ROWS = 12;
/** What one row may cost; the whole message stays below the limit that slack-body.ts explains. */
const MAX_ROW_COST = 1_200;
const BATCH_BUDGET = 8_500;
/** With what is said about rows that are over. */
const MAX_BATCH = 9_000;

/** Whether a request can be one of several: small, shown whole, and answered with yes or no. */
export function isFoldable({ offers, needed }: ApprovalRequest, body: CardBody): boolean {
  return offers.form === 'permission' && needed === 1 && body.complete && costOfBlocks(body.call) <= MAX_ROW_COST;
}

/** How many of the rows, from the last one back, fit into one message. */
export function fittingRows(bodies: readonly CardBody[]): number {
  let left = BATCH_BUDGET;
  let count = 0;
  for (const { call } of bodies.toReversed()) {
    // Title, number, buttons and, later, how it ended.
    left -= costOfBlocks(call) + 300;
    if (left < 0 || count >= MAX_ROWS) break;
    count += 1;
  }
  return count;
}

/** Rows grow when they end; together they must still fit, and those that are over can be told in fewer words. */
export function renderBatch(rows: readonly Row[], instanceId: string): Looks {
  const full = batchLooks(rows, instanceId, false);
  const short = (): Looks => batchLooks(rows, instanceId, true);
  return costOfBlocks(full.blocks) <= MAX_BATCH ? { ...full, short } : short();
}

function batchLooks(rows: readonly Row[], instanceId: string, isShort: boolean): Looks {
  const open = rows.filter(({ outcome, isElsewhere }) => outcome === undefined && !isElsewhere);
  const moved = rows.filter(({ isElsewhere }) => isElsewhere).length;
  const title = batchTitle(open.length, moved, rows.length);
  const harmless = open.filter(({ danger }) => danger === undefined);
  const [first] = rows;
  return {
    text: harmlessText(title),
    blocks: [
      header(title),
      ...(first === undefined ? [] : [first.body.origin]),
      ...rows.flatMap((row, index) => rowBlocks(row, index, instanceId, isShort)),
      ...(harmless.length < 2 ? [] : allBlocks(harmless, rows, instanceId)),
    ],
  };
}

function rowBlocks(row: Row, index: number, instanceId: string, isShort: boolean): KnownBlock[] {
  const { request, body, outcome, isElsewhere, masker, run } = row;
  const name = section([bold(`${index + 1}. ${body.tool}`)]);
  // What goes on elsewhere ends there: a list is not drawn anew for it.
  if (isElsewhere) return [richText([name, section([italic(WORDS.movedBelow)])])];
  const call = body.call.flatMap(({ elements }) => elements);
  if (outcome !== undefined && isShort) return [richText([name, ...shortOutcome(row, outcome)])];
  if (outcome !== undefined) return [richText([name, ...outcomeElements(request, outcome, masker, run), ...call])];
  const value = buttonValue(request, instanceId);
  const buttons: ActionsBlock = {
    type: 'actions',
    block_id: `${ROW_BLOCK}${index}`,
    elements: [APPROVE(value), DENY(value), MORE(value)],
  };
  return [richText([name, ...call]), buttons];
}

/** Who and when, and how the call starts. */
function shortOutcome({ request, body, masker }: Row, outcome: Outcome): RichTextPart[] {
  const { kind, at } = outcome;
  const decided = kind === 'allowed' || kind === 'denied';
  const bare: Outcome = decided ? { kind, by: outcome.by, via: outcome.via, at } : { kind, at, reason: '' };
  const title = section([bold(endedTitle(kind, body.tool, request))]);
  const start = body.start === '' ? [] : [section(code(body.start))];
  return [...(decided ? [] : [title]), ...outcomeElements(request, bare, masker), ...start];
}

/** The button names those that were shown when it was drawn, so that nothing is approved that came later. */
function allBlocks(harmless: readonly Row[], rows: readonly Row[], instanceId: string): KnownBlock[] {
  const left = rows.flatMap((row, index): RichTextPart[] =>
    row.danger === undefined || row.outcome !== undefined || row.isElsewhere
      ? []
      : [section([italic(notInAll(index + 1, row.danger))])],
  );
  const value = manyValue(
    harmless.map(({ request }) => request),
    instanceId,
  );
  const all = button(APPROVE_ALL_ACTION, approveAll(harmless.length), WORDS.approveAllLabel)(value);
  return [...(left.length === 0 ? [] : [richText(left)]), { type: 'actions', block_id: DECIDE_BLOCK, elements: [all] }];
}

const APPROVE = button(APPROVE_ACTION, WORDS.approve, WORDS.approveLabel, 'primary');
const DENY = button(DENY_ACTION, WORDS.deny, WORDS.denyLabel, 'danger');
const MORE = button(MORE_ACTION, WORDS.more, WORDS.moreLabel);

/** What a card of its own shows once its request has moved into a list. */
export function renderMoved(body: CardBody): Looks {
  return {
    text: harmlessText(WORDS.movedBelow),
    blocks: [header(body.tool), body.origin, richText([section([text(WORDS.movedBelow)])])],
  };
}
