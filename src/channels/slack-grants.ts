/** Time-boxed permissions in the thread: what is allowed, for how long still, what it was used for, and a button to end it. */
import { createMasker, type SecretRule } from '../secrets.ts';
import type { Grant } from '../types.ts';
import { button } from './slack-buttons.ts';
import type { Editor, Looks, Place } from './slack-editor.ts';
import { bold, code, header, italic, richText, section, shorten, text } from './slack-elements.ts';
import { encodeMasked } from './slack-mask.ts';
import { moment, person } from './slack-outcome.ts';
import type { Threads } from './slack-threads.ts';
import { DECIDE_BLOCK, grantValue, REVOKE_ACTION } from './slack-values.ts';
import { WORDS } from './wording.ts';
import { grantEnd, grantTitle, grantUses, timeLeft } from './wording-session.ts';

export interface GrantsOptions {
  readonly editor: Editor;
  readonly threads: Threads;
  readonly instanceId: string;
  readonly now: () => number;
  /** The user's own rules for what is secret; throws when they cannot be read. */
  readonly maskRules: () => readonly SecretRule[];
  readonly stopping: AbortSignal;
  /** How often the time that is left is written anew. Default: every minute. */
  readonly countdownMs?: number;
}

interface Shown {
  grant: Grant;
  /** By approver; undefined where Slack did not take it: the next use tries again, because there must be a way to end it. */
  readonly places: Map<string, Promise<Place | undefined>>;
  timer: Timer | undefined;
}

const COUNTDOWN_MS = 60_000;
/** Uses come as fast as an agent works; nobody waits for the list. */
const SPACING_MS = 1_500;
const MAX_RULE = 300;
const MAX_CALL = 120;
const USES_SHOWN = 15;

/** Returns what shows how a grant is now: given, used or ended. */
export function createGrantMessages(options: GrantsOptions): (grant: Grant) => Promise<void> {
  const { editor, threads, instanceId, now, stopping, countdownMs = COUNTDOWN_MS } = options;
  const shown = new Map<string, Shown>();

  const looksOf = ({ grant }: Pick<Shown, 'grant'>): Looks =>
    renderGrant(grant, instanceId, options.maskRules(), now());
  const draw = async (item: Shown, spacingMs: number): Promise<void> => {
    const edits = [...item.places].map(async ([approver, posted]) => {
      const place = await posted;
      if (place !== undefined) await editor.refresh(place, () => looksOf(item), spacingMs);
      // Of all that have waited for the same try one tries again.
      else if (item.grant.ended === undefined && item.places.get(approver) === posted) await post(item, approver);
    });
    await Promise.all(edits);
  };
  const post = async (item: Shown, approver: string): Promise<void> => {
    const posted = threads.post(approver, item.grant.sessionId, looksOf(item)).catch(() => undefined);
    item.places.set(approver, posted);
    await posted;
  };
  const countDown = (item: Shown): void => {
    clearTimeout(item.timer);
    if (item.grant.ended !== undefined || stopping.aborted) return;
    item.timer = setTimeout(() => {
      draw(item, 0).catch(() => {});
      countDown(item);
    }, countdownMs);
    // What only counts minutes keeps no process alive.
    item.timer.unref();
  };

  return async (grant) => {
    const known = shown.get(grant.id);
    if (known === undefined) {
      const item: Shown = { grant, places: new Map(), timer: undefined };
      shown.set(grant.id, item);
      countDown(item);
      await Promise.all(grant.approvers.map((approver) => post(item, approver)));
      return;
    }
    known.grant = grant;
    if (grant.ended !== undefined) {
      clearTimeout(known.timer);
      shown.delete(grant.id);
    }
    await draw(known, grant.ended === undefined ? SPACING_MS : 0);
  };
}

function renderGrant(grant: Grant, instanceId: string, maskRules: readonly SecretRule[], now: number): Looks {
  const { text: rule, by, until, used, uses, ended } = grant;
  const masker = createMasker({ known: [], rules: maskRules });
  const title = grantTitle(ended !== undefined);
  const lasts =
    ended === undefined
      ? [text(WORDS.until), moment(until, '{time}'), text(timeLeft(until - now))]
      : [
          bold(grantEnd(ended.how)),
          ...(ended.by === undefined ? [] : [person(ended.by)]),
          text(' · '),
          moment(ended.at, '{time}'),
        ];
  const what = section([
    ...code(shorten(masker.mask(encodeMasked(rule)).text, MAX_RULE) || '?'),
    text('\n'),
    text(WORDS.givenBy),
    person(by),
    text(' · '),
    ...lasts,
  ]);
  const calls = uses
    .slice(-USES_SHOWN)
    .map(({ at, call }) =>
      section([
        moment(at, '{time_secs}'),
        text(' '),
        ...code(shorten(encodeMasked(call), MAX_CALL) || '?'),
        text('\n'),
      ]),
    );
  const list = [section([italic(`${grantUses(used)}\n`)]), ...calls];
  const revoke = button(REVOKE_ACTION, WORDS.revoke, WORDS.revokeLabel, 'danger')(grantValue(grant.id, instanceId));
  return {
    text: title,
    blocks: [
      header(title),
      richText([what]),
      richText(list),
      ...(ended === undefined ? [{ type: 'actions' as const, block_id: DECIDE_BLOCK, elements: [revoke] }] : []),
    ],
  };
}
