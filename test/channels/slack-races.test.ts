/** What must hold however Slack answers: each test runs the real adapter through many histories, in many orders. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { PRESS_WAIT_MS } from '../../src/channels/slack-presses.ts';
import type { Outcome, Verdict } from '../../src/types.ts';
import type { Given } from './slack-assembly.ts';
import {
  type Asked,
  buttonsIn,
  type History,
  hasShown,
  type Looks,
  NOTICE_MS,
  type Press,
  requestsOf,
  runHistory,
} from './slack-histories.ts';
import { PLAN } from './slack-plans.ts';
import type { Block, ShownMessage } from './slack-scheduled.ts';

/** More of them at night. */
const RUNS = Number(process.env.CSH_RACES ?? 1_000);
const BOUND_MS = 60_000 + RUNS * 20;

function forEveryHistory(looks: Looks): Promise<void> {
  return fc.assert(
    fc.asyncProperty(fc.scheduler(), PLAN, (scheduler, plan) => runHistory(scheduler, plan, looks)),
    { numRuns: RUNS },
  );
}

const FOREVER = Number.POSITIVE_INFINITY;

type ByPerson = Extract<Outcome, { by: string }>;

function isByPerson(outcome: Outcome | undefined): outcome is ByPerson {
  return outcome?.kind === 'allowed' || outcome?.kind === 'denied';
}

/** Requests that people have decided, and what the clients were told. */
function decided({ asked }: History): { one: Asked; outcome: ByPerson }[] {
  return asked.flatMap((one) => one.replies.flatMap(({ outcome }) => (isByPerson(outcome) ? [{ one, outcome }] : [])));
}

function peopleOf({ by, also = [] }: ByPerson): readonly string[] {
  return [by, ...also];
}

/** The presses on the buttons of a request, in the order in which Slack delivered them. */
function answering({ presses }: History, { request }: Asked): readonly Press[] {
  return presses.filter(({ wish, requests }) => wish !== 'card' && requests.includes(request.id));
}

/** By one of those who are asked, and on a button as Slack has shown it. */
function isHonest({ dismissed }: History, { click, forgery, handled: [first] }: Press, { request }: Asked): boolean {
  const mayAnswer = (first?.handledAs ?? 0) < (dismissed.get(click.user) ?? FOREVER);
  return forgery === undefined && mayAnswer && request.approvers.includes(click.user);
}

/** When it became known that the message of a press shows the request. */
function placeOf({ click }: Press, { shown }: Asked) {
  return shown.find(
    ({ receipt }) => receipt.conversation === click.channel && receipt.message === click.message && receipt.complete,
  );
}

/** When a press takes effect at the latest, in the order of all that happened; undefined: never. */
function effectOf(history: History, press: Press, one: Asked): number | undefined {
  const place = placeOf(press, one);
  const [first] = press.handled;
  if (!isHonest(history, press, one) || place === undefined || first === undefined) return undefined;
  if (first.handledAt >= one.request.expiresAt) return undefined;
  if (place.shownAs < first.handledAs) return first.handledAs;
  // What comes before the place of its message is known is kept, as long as a message of its request's own is to come.
  const { allShownAs = FOREVER, records } = one;
  const goneOnUntil = allShownAs < (records[0]?.recordedAs ?? FOREVER) ? allShownAs : FOREVER;
  return first.handledAs < allShownAs && place.shownAs < goneOnUntil ? place.shownAs : undefined;
}

/** What presses come to that take effect one after the other. */
function decisionOf(presses: readonly Press[], { request }: Asked): { kind: string; press: Press } | undefined {
  const approvedBy = new Set<string>();
  for (const press of presses) {
    if (press.wish === 'deny') return { kind: 'denied', press };
    approvedBy.add(press.click.user);
    if (approvedBy.size === request.needed) return { kind: 'allowed', press };
  }
  return undefined;
}

/** Whether an approval that has counted may no longer do so. */
function mayBeDiscounted({ dismissed }: History, { request }: Asked): boolean {
  return request.needed > 1 && request.approvers.some((by) => dismissed.has(by));
}

/** Presses that should have decided a request before `until`, in the order of all that happened. */
function overlooked(history: History, one: Asked, until: number): readonly string[] {
  if (mayBeDiscounted(history, one)) return [];
  const inTime = answering(history, one).filter((press) => (effectOf(history, press, one) ?? until) < until);
  return decisionOf(inTime, one) === undefined ? [] : inTime.map(inWords);
}

function inWords({ click, wish, requests, deliveredAt, handled, given }: Press): string {
  const verdicts = given.map(({ verdict, later }) => (later === undefined ? verdict : `${verdict}, then ${later}`));
  const when = handled.map(({ handledAt }) => `handled after ${handledAt - deliveredAt} ms`);
  return `${click.user}: ${wish} ${requests} on ${click.message}, ${when}: ${verdicts.join('; ')}`;
}

describe('whatever Slack answers, and when', () => {
  test(
    'a request has one outcome, which the client is told at once, and none when it has gone',
    () =>
      forEveryHistory({
        atRest: ({ asked }) => {
          for (const { records } of asked) expect(records.length).toBeLessThanOrEqual(1);
        },
        atEnd: ({ asked }) => {
          for (const { records, replies, goneAs = FOREVER } of asked) {
            expect(records).toHaveLength(1);
            const [{ record, recordedAs } = { record: undefined, recordedAs: FOREVER }] = records;
            expect(record?.kind === 'withdrawn').toBe(goneAs < recordedAs);
            if (goneAs < recordedAs) expect(recordedAs).toBe(goneAs + 1);
            // No call of Slack's stands between the record and the reply.
            const expected = goneAs < recordedAs ? [] : [recordedAs + 1];
            expect(replies.map(({ repliedAs }) => repliedAs)).toEqual(expected);
          }
        },
      }),
    BOUND_MS,
  );

  test(
    'nobody decides but those who are asked, in time, with a button that Slack has shown them there',
    () =>
      forEveryHistory({
        atEnd: (history) => {
          const { slack, dismissed } = history;
          for (const { one, outcome } of decided(history)) {
            const wish = outcome.kind === 'allowed' ? 'allow' : 'deny';
            const honest = answering(history, one).filter(
              (press) =>
                press.wish === wish &&
                isHonest(history, press, one) &&
                slack.messages.some(
                  (message) => message.ts === press.click.message && hasShown(message, [one.request.id]),
                ),
            );
            const people = peopleOf(outcome);
            expect(people.filter((by) => !honest.some(({ click }) => click.user === by))).toEqual([]);
            expect(new Set(people).size).toBe(outcome.kind === 'allowed' ? one.request.needed : 1);
            expect(outcome.at).toBeLessThan(one.request.expiresAt);
            // Who was dismissed before the last approval came does not count any more.
            const last = honest.find(
              ({ click, given }) => click.user === outcome.by && given.some(({ answer }) => answer.at === outcome.at),
            );
            const until = last?.handled[0]?.handledAs ?? 0;
            expect((outcome.also ?? []).filter((by) => (dismissed.get(by) ?? FOREVER) < until)).toEqual([]);
          }
        },
      }),
    BOUND_MS,
  );

  test(
    'every message says in the end how things stand, and has buttons only for what waits',
    () =>
      forEveryHistory({
        atRest: (history) => expect(lies(history)).toEqual([]),
        atEnd: (history) => expect(lies(history)).toEqual([]),
      }),
    BOUND_MS,
  );

  test(
    'a press is never lost: it counts, or the person is told',
    () =>
      forEveryHistory({
        atRest: (history) => {
          for (const one of history.asked)
            if (one.records.length === 0) expect(overlooked(history, one, FOREVER)).toEqual([]);
        },
        atEnd: (history) => {
          expect(history.presses.filter((press) => !hasReaction(history, press)).map(inWords)).toEqual([]);
          for (const one of history.asked) {
            const [end] = one.records;
            if (!isByPerson(one.replies[0]?.outcome))
              expect(overlooked(history, one, end?.recordedAs ?? 0)).toEqual([]);
          }
        },
      }),
    BOUND_MS,
  );

  test(
    'the first press wins, in the order in which Slack delivered them',
    () =>
      forEveryHistory({
        atEnd: (history) => {
          for (const { one, outcome } of decided(history)) {
            const effective = answering(history, one).filter((press) => effectOf(history, press, one) !== undefined);
            const isLate = effective.some((press) => isPlaceLate(press, one));
            if (mayBeDiscounted(history, one) || (isLate && one.request.needed > 1)) continue;
            const winner = effective.find((press) => hasDecided(press, one, outcome));
            const there = effective.filter(({ click }) => click.message === winner?.click.message);
            const decision = decisionOf(isLate ? there : effective, one);
            expect(outcome.kind).toBe(decision?.kind === 'allowed' ? 'allowed' : 'denied');
            expect(decision?.press).toBe(winner);
          }
        },
      }),
    BOUND_MS,
  );
});

/** What the histories must have in them: otherwise nothing above would prove anything. */
const SITUATIONS: Readonly<Record<string, (history: History) => boolean>> = {
  'a press that came before its message was known, and decides': ({ asked, presses }) =>
    presses.some(({ given }) => given.some((it) => it.verdict === 'pending' && counts({ asked }, it))),
  'a press that waited, and decides': ({ asked, presses }) =>
    presses.some(
      ({ given, handled, deliveredAt }) =>
        (handled[0]?.handledAt ?? 0) > deliveredAt && given.some((it) => counts({ asked }, it)),
    ),
  'a button for several requests that decides': ({ asked, presses }) =>
    presses.some(({ requests, given }) => requests.length > 1 && given.some((it) => counts({ asked }, it))),
  'an approval of two people': (history) => decided(history).some(({ outcome }) => peopleOf(outcome).length > 1),
  'a message that came after the end': ({ asked }) =>
    asked.some(({ shown, records: [end] }) => shown.some(({ shownAs }) => shownAs > (end?.recordedAs ?? FOREVER))),
  'a copy that nobody was told of': ({ slack }) => slack.messages.some(({ knownAs }) => knownAs === undefined),
  'an edit that Slack did not take': ({ slack }) => slack.messages.some(({ edited }) => edited === 'failed'),
  'an edit that was given up for a newer one': ({ slack }) => slack.messages.some(({ overtaken }) => overtaken > 0),
  'a notice that reached the person another way': ({ presses }) =>
    presses.some(({ respondedAt }) => respondedAt.length > 0),
};

test(
  'the histories have in them what this is about',
  async () => {
    const seen = new Set<string>();
    const atEnd = (history: History): void => {
      for (const [name, isThere] of Object.entries(SITUATIONS)) if (isThere(history)) seen.add(name);
    };
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), PLAN, (scheduler, plan) => runHistory(scheduler, plan, { atEnd })),
      { numRuns: 400, seed: 1 },
    );
    expect([...seen].sort()).toEqual(Object.keys(SITUATIONS).sort());
  },
  BOUND_MS,
);

function hasDecided({ given }: Press, { request }: Asked, { by, at }: ByPerson): boolean {
  return given.some(
    ({ answer, verdict, later }) =>
      answer.requestId === request.id &&
      answer.by === by &&
      answer.at === at &&
      (verdict === 'accepted' || (verdict === 'pending' && later === undefined)),
  );
}

/** A press waits for the place of its message only so long; after that, presses elsewhere go first. */
function isPlaceLate(press: Press, one: Asked): boolean {
  return (placeOf(press, one)?.shownAt ?? 0) - press.deliveredAt >= PRESS_WAIT_MS;
}

/** What the person can see of a press. */
function hasReaction(history: History, press: Press): boolean {
  const [first, ...more] = press.handled;
  if (first === undefined || more.length > 0) return false;
  if (isTold(history, press, first.handledAt)) return true;
  if (press.wish === 'card') return isGivenCard(history, press, first.handledAt);
  return press.given.length > 0 && press.given.every((given) => counts(history, given));
}

/** One notice on a message explains all presses of a person there for a while. */
function isTold({ slack, presses }: History, { click }: Press, handledAt: number): boolean {
  const responses = presses.flatMap((other) =>
    other.respondedAt.map((sentAt) => ({ user: other.click.user, channel: other.click.channel, sentAt })),
  );
  return [...slack.whispers, ...responses].some(
    ({ user, channel, sentAt }) => user === click.user && channel === click.channel && sentAt > handledAt - NOTICE_MS,
  );
}

function isGivenCard({ slack }: History, { requests }: Press, handledAt: number): boolean {
  return slack.sent.some(
    ({ method, args, sentAt }) =>
      method === 'chat.postMessage' &&
      sentAt >= handledAt &&
      buttonsIn((args.blocks ?? []) as readonly Block[]).some((button) =>
        requestsOf(button).includes(requests[0] ?? ''),
      ),
  );
}

const COUNTS: readonly Verdict[] = ['accepted', 'pending', 'counted'];

function counts({ asked }: Pick<History, 'asked'>, { answer, verdict, later }: Given): boolean {
  const one = asked.find(({ request }) => request.id === answer.requestId);
  const outcome = one?.replies[0]?.outcome;
  const isDecision = isByPerson(outcome) && outcome.by === answer.by && outcome.at === answer.at;
  const isCounted = one?.counted.some(({ by, at }) => by === answer.by && at === answer.at) === true;
  return COUNTS.includes(verdict) && later === undefined && (isDecision || isCounted);
}

const OVER: readonly Verdict[] = ['expired', 'closed', 'unknown-request', 'already-decided'];

/** What the messages show that is not so. */
function lies(history: History): string[] {
  const { slack, asked } = history;
  return slack.messages.flatMap((message) => {
    // What Slack did not take, or did not answer, nobody can know to be there.
    if (message.edited === 'failed' || message.openEdits > 0) return [];
    if (message.knownAs === undefined) return liesOfCopy(history, message);
    return asked.filter((one) => isAbout(message, one)).flatMap((one) => liesAbout(slack.messages, message, one));
  });
}

/** A copy that the adapter was never told of keeps its buttons until somebody presses one in vain. */
function liesOfCopy({ presses }: History, { channel, ts, edited, looks }: ShownMessage): string[] {
  const isPressed = presses.some(
    ({ click, given: [first, ...more] }) =>
      click.channel === channel &&
      click.message === ts &&
      first !== undefined &&
      more.length === 0 &&
      OVER.includes(first.later ?? first.verdict),
  );
  const hasButtons = buttonsIn(looks.at(-1)?.blocks ?? []).length > 0;
  return hasButtons && (isPressed || edited === 'done') ? [`the copy ${ts} keeps its buttons`] : [];
}

function liesAbout(messages: readonly ShownMessage[], message: ShownMessage, one: Asked): string[] {
  const { request, records, replies } = one;
  const blocks = message.looks.at(-1)?.blocks ?? [];
  const buttons = buttonsIn(blocks).filter((button) => requestsOf(button).includes(request.id));
  const about = `${request.id} on ${message.ts}`;
  const tooMany = buttons.length > 0 ? [`${about}: has buttons`] : [];
  if (!isNewest(messages, message, one)) return tooMany;
  const [{ record } = { record: undefined }] = records;
  if (record === undefined) {
    const actions = buttons.map(({ actionId }) => actionId);
    return ['csh_approve', 'csh_deny'].filter((action) => !actions.includes(action)).map((it) => `${about}: no ${it}`);
  }
  const said = partAbout(message, one);
  const words = wordsOf((replies[0]?.outcome ?? record) as Outcome);
  return [...tooMany, ...words.filter((word) => !said.includes(word)).map((word) => `${about}: does not say ${word}`)];
}

function isAbout({ looks: [first] }: ShownMessage, { request }: Asked): boolean {
  return JSON.stringify(first?.blocks).includes(commandOf(request));
}

/** The last one that the adapter was told of, of those that show a request to one person. */
function isNewest(messages: readonly ShownMessage[], { channel, knownAs = 0 }: ShownMessage, one: Asked): boolean {
  return messages.every(
    (other) => other.channel !== channel || !isAbout(other, one) || (other.knownAs ?? 0) <= knownAs,
  );
}

/** What a message shows of one request: all of it, or a row. */
function partAbout({ looks }: ShownMessage, { request }: Asked): string {
  const blocks = looks.at(-1)?.blocks ?? [];
  const isList = looks[0]?.blocks.some(({ block_id }) => String(block_id).startsWith('csh_row_')) === true;
  return JSON.stringify(isList ? blocks.filter((block) => JSON.stringify(block).includes(commandOf(request))) : blocks);
}

function commandOf({ input }: Asked['request']): string {
  return JSON.stringify(input.tool_input?.command);
}

/** What a message must say of a request that has ended this way. */
function wordsOf(outcome: Outcome): readonly string[] {
  if (!isByPerson(outcome)) return [outcome.reason];
  const people = peopleOf(outcome).map((by) => `"user_id":"${by}"`);
  return [outcome.kind === 'allowed' ? 'Approved by ' : 'Denied by ', ...people];
}
