/** Carries plans out on the real adapter, over a Slack that answers as a scheduler pleases, and tells what came of them. */
import { jest } from 'bun:test';
import type fc from 'fast-check';
import { type Click, readClick } from '../../src/channels/slack-clicks.ts';
import { readButtonValue, readManyValue } from '../../src/channels/slack-values.ts';
import type { ApprovalRequest, Outcome, Receipt, StoreRecord } from '../../src/types.ts';
import { bash, INSTANCE, makeRequest } from './requests.ts';
import { type Assembly, createAssembly, type Given, type Witness } from './slack-assembly.ts';
import {
  type Asking,
  EVE,
  type Forgery,
  LONG_MS,
  type Plan,
  type Pressing,
  type Step,
  type Wish,
} from './slack-plans.ts';
import {
  type Block,
  conversationWith,
  createScheduledSlack,
  type ScheduledSlack,
  type ShownMessage,
} from './slack-scheduled.ts';

export const NOTICE_MS = 5_000;
const START = 1_700_000_000_000;
/** How far the clock goes at a time: less than what anything in the adapter waits for. */
const STRIDE_MS = 350;
/** Longer than anything in the adapter waits without a call being open. */
const QUIET_MS = 4_200;
const MAX_ROUNDS = 2_000;

/** `…As`: the place in the order of all that happened. `…At`: milliseconds since the epoch. */
export interface Press {
  readonly click: Click;
  readonly wish: Wish;
  /** What the button was for, before it was forged. */
  readonly requests: readonly string[];
  readonly forgery: Forgery | undefined;
  readonly deliveredAs: number;
  readonly deliveredAt: number;
  /** One for each time that the handler was called. */
  readonly handled: { readonly handledAs: number; readonly handledAt: number }[];
  readonly given: Given[];
  /** When Slack's own address for this press was used to tell the person something. */
  readonly respondedAt: number[];
}

export interface Asked {
  readonly request: ApprovalRequest;
  readonly shown: { readonly receipt: Receipt; readonly shownAs: number; readonly shownAt: number }[];
  /** No further message was to come. */
  allShownAs: number | undefined;
  /** How it ended, in the audit log. */
  readonly records: { readonly record: StoreRecord; readonly recordedAs: number }[];
  /** What the client was told. */
  readonly replies: { readonly outcome: Outcome; readonly repliedAs: number }[];
  /** Approvals that counted and were not enough. */
  readonly counted: StoreRecord[];
  /** The client went away. */
  goneAs: number | undefined;
}

export interface History {
  readonly slack: ScheduledSlack;
  readonly asked: readonly Asked[];
  readonly presses: readonly Press[];
  /** Who may no longer answer, and since when in the order of all that happened. */
  readonly dismissed: ReadonlyMap<string, number>;
}

export interface Looks {
  /** When nothing more comes of what has happened, while requests may still wait. */
  readonly atRest?: (history: History) => void;
  /** When every request's time is up, too. */
  readonly atEnd?: (history: History) => void;
}

/** Timers and the clock are the history's own meanwhile. */
export async function runHistory(scheduler: fc.Scheduler, plan: Plan, { atRest, atEnd }: Looks): Promise<void> {
  jest.useFakeTimers({ now: START });
  const world = createWorld(scheduler, plan);
  try {
    await world.assembly.approvals.start();
    for (const { after, afterMs, step } of plan.turns) {
      for (let count = 0; count < after && scheduler.count() > 0; count += 1) await goOn(scheduler);
      await pass(afterMs);
      await takeStep(world, step);
      await settle();
    }
    await rest(world);
    atRest?.(world.history);
    if (atEnd === undefined) return;
    jest.advanceTimersByTime(LONG_MS);
    await rest(world);
    atEnd(world.history);
  } finally {
    world.assembly.end();
    jest.useRealTimers();
  }
}

interface World {
  readonly scheduler: fc.Scheduler;
  readonly assembly: Assembly;
  readonly history: History;
  readonly asked: Asked[];
  readonly presses: Press[];
  readonly dismissed: Map<string, number>;
  /** The next place in the order of all that happens. */
  readonly next: () => number;
}

function createWorld(scheduler: fc.Scheduler, { fates, threads }: Plan): World {
  const now = Date.now;
  const slack = createScheduledSlack(scheduler, fates, now);
  const asked: Asked[] = [];
  const presses: Press[] = [];
  const dismissed = new Map<string, number>();
  let happened = 0;
  const next = (): number => {
    happened += 1;
    return happened;
  };
  const assembly = createAssembly({
    ...{ calls: slack.calls, threads, noticeMs: NOTICE_MS, now, witness: witnessOf(asked, presses, next) },
    mayAnswer: (_request, by) => !dismissed.has(by),
  });
  const history = { slack, asked, presses, dismissed };
  return { scheduler, assembly, history, asked, presses, dismissed, next };
}

function witnessOf(asked: readonly Asked[], presses: readonly Press[], next: () => number): Witness {
  const about = (id: unknown): Asked | undefined => asked.find(({ request }) => request.id === id);
  const of = (click: Click | undefined): Press | undefined => presses.find((press) => press.click === click);
  return {
    onShown: (id, receipt) => about(id)?.shown.push({ receipt, shownAs: next(), shownAt: Date.now() }),
    onAllShown: (id) => {
      const one = about(id);
      if (one !== undefined) one.allShownAs = next();
    },
    onRecord: (record) => {
      if (record.type === 'approved') about(record.id)?.counted.push(record);
      if (record.type === 'ended') about(record.id)?.records.push({ record, recordedAs: next() });
    },
    onOutcome: (id, outcome) => {
      about(id)?.replies.push({ outcome, repliedAs: next() });
      return true;
    },
    onHandled: (click) => of(click)?.handled.push({ handledAs: next(), handledAt: Date.now() }),
    onAnswer: (click, given) => of(click)?.given.push(given),
  };
}

async function takeStep(world: World, step: Step): Promise<void> {
  const { asked, assembly, dismissed, next } = world;
  switch (step.type) {
    case 'ask':
      return ask(world, step);
    case 'press':
      return press(world, step);
    case 'gone': {
      const one = asked[step.pick % Math.max(1, asked.length)];
      if (one === undefined) return;
      one.goneAs ??= next();
      return assembly.approvals.clientGone(one.request.id);
    }
    case 'wait':
      return pass(step.ms);
    case 'sleep':
      jest.setSystemTime(Date.now() + step.ms);
      return;
    case 'dismiss':
      if (!dismissed.has(step.who)) dismissed.set(step.who, next());
  }
}

function ask({ assembly, asked }: World, { session, approvers, needed, waitMs }: Asking): void {
  const id = `R${asked.length}`;
  const input = { ...bash(`make target-${asked.length}`), session_id: `session-${session}` };
  const times = { askedAt: Date.now(), expiresAt: Date.now() + waitMs };
  const request = makeRequest(input, { id, nonce: `nonce-${id}`, approvers, needed, ...times });
  const nothing = { shown: [], records: [], replies: [], counted: [], allShownAs: undefined, goneAs: undefined };
  asked.push({ request, ...nothing });
  assembly.approvals.ask(request);
}

interface Button {
  readonly message: ShownMessage;
  /** What the message showed when it had the button. */
  readonly blocks: readonly Block[];
  readonly actionId: string;
  readonly value: string;
}

const WISHES: Readonly<Record<string, Wish>> = {
  csh_approve: 'allow',
  csh_approve_all: 'allow',
  csh_deny: 'deny',
  csh_more: 'card',
};

/** People press what stands in their own conversation, a stranger presses anything. */
function press(world: World, { by, wish, pick, age, forgery, times }: Pressing): void {
  const all = world.history.slack.messages
    .filter(({ channel }) => by === EVE || channel === conversationWith(by))
    .flatMap((message): Button[] => {
      const blocks = message.looks[Math.max(0, message.looks.length - 1 - age)]?.blocks ?? [];
      return buttonsIn(blocks).map((button) => ({ message, blocks, ...button }));
    });
  const wanted = all.filter(({ actionId }) => WISHES[actionId] === wish);
  const there = wanted.length > 0 ? wanted : all;
  const button = there[pick % Math.max(1, there.length)];
  if (button === undefined) return;
  for (let time = 0; time < times; time += 1) deliver(world, by, button, forgery);
}

function deliver({ assembly, history, presses, next }: World, by: string, button: Button, forgery?: Forgery): void {
  const { message, blocks, actionId, value } = button;
  const requests = requestsOf(button);
  const other = history.slack.messages.find((item) => !hasShown(item, requests))?.ts ?? '1.1';
  const ts = forgery === 'message' ? '1.1' : forgery === 'other message' ? other : message.ts;
  const { channel, threadTs } = message;
  const click = readClick({
    type: 'block_actions',
    user: { id: by },
    container: { type: 'message', channel_id: channel, message_ts: ts, thread_ts: threadTs },
    channel: { id: channel },
    message: { blocks },
    actions: [{ action_id: actionId, value: forged(value, forgery) }],
  });
  if (click === undefined) throw new Error('Expected a press that can be read');
  const one: Press = {
    ...{ click, forgery, requests, wish: WISHES[actionId] ?? 'card' },
    ...{ deliveredAs: next(), deliveredAt: Date.now(), handled: [], given: [], respondedAt: [] },
  };
  presses.push(one);
  assembly.onClick(click, async () => void one.respondedAt.push(Date.now()));
}

function forged(value: string, forgery: Forgery | undefined): string {
  if (forgery === 'nonce') return value.replaceAll('.nonce-R', '.nonce-X');
  if (forgery === 'request') return value.replaceAll('.R', '.X');
  if (forgery === 'instance') return value.replace(INSTANCE, 'instance-2');
  return value;
}

/** The buttons that answer, or give a card. */
export function buttonsIn(blocks: readonly Block[]): { readonly actionId: string; readonly value: string }[] {
  return blocks
    .flatMap((block) => (block.type === 'actions' ? (block.elements as readonly Block[]) : []))
    .map(({ action_id, value }) => ({ actionId: String(action_id), value: String(value) }))
    .filter(({ actionId }) => actionId in WISHES);
}

/** The requests that a button stands for. */
export function requestsOf({ actionId, value }: { readonly actionId: string; readonly value: string }): string[] {
  const many = actionId === 'csh_approve_all' ? readManyValue(value)?.requests : undefined;
  return (many ?? [readButtonValue(value)]).flatMap((one) => one?.requestId ?? []);
}

/** Whether a message has ever had a button for one of these requests. */
export function hasShown({ looks }: ShownMessage, requests: readonly string[]): boolean {
  const all = looks.flatMap(({ blocks }) => buttonsIn(blocks).flatMap(requestsOf));
  return all.some((id) => requests.includes(id));
}

/** Lets every promise that can settle do so. Timers are not real here, this is. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Slack does one of the things that it has to do. */
async function goOn(scheduler: fc.Scheduler): Promise<void> {
  await scheduler.waitOne();
  await settle();
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STRIDE_MS) {
    jest.advanceTimersByTime(Math.min(STRIDE_MS, left));
    await settle();
  }
}

/** Until nothing more comes of what has happened. */
async function rest({ scheduler, history }: World): Promise<void> {
  await settle();
  let quietMs = 0;
  for (let round = 0; quietMs < QUIET_MS; round += 1) {
    if (round > MAX_ROUNDS) throw new Error('Expected every call to end');
    const isBusy = scheduler.count() > 0;
    if (isBusy) await goOn(scheduler);
    else await pass(STRIDE_MS);
    quietMs = isBusy || history.slack.open() > 0 ? 0 : quietMs + STRIDE_MS;
  }
}
