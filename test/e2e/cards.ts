/** Cards of a bench, what is pressed on them, and what came of it. */
import { expect } from 'bun:test';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, payload, type RunOptions, type TestBench } from './bench.ts';

export type Button = 'csh_approve' | 'csh_deny';
export type Press = Partial<Parameters<TestBench['slack']['click']>[0]>;

/** A hook that waits, and its card. */
export interface Pending {
  readonly hook: Hook;
  readonly card: EmulatedMessage;
}

/** A guard against hangs: Slack itself may be slow in a test. */
const CLOSED_MS = 30_000;
/** Somebody who presses and sees nothing come of it waits for so long before the next press. */
const AGAIN_MS = 1_500;

/** What a PreToolUse is told. */
export const decisionOf = (stdout: string): unknown => JSON.parse(stdout).hookSpecificOutput.permissionDecision;
export const answerOf = async ({ ended }: Hook): Promise<unknown> => decisionOf((await ended).stdout);
/** What a PreToolUse is told when nobody has decided, and why. */
export const reasonOf = (stdout: string): string => JSON.parse(stdout).hookSpecificOutput.permissionDecisionReason;

/** The message of a card once it has no buttons. */
export function closedCard(
  { slack }: Pick<TestBench, 'slack'>,
  { ts }: EmulatedMessage,
  boundMs = CLOSED_MS,
): Promise<EmulatedMessage> {
  return slack.waitForMessage((message) => message.ts === ts && !hasButtons(message), boundMs);
}

/** Asks so often, and resolves when every card is on record: it can be seen a moment before. */
export async function askMany(bench: TestBench, count: number, run?: RunOptions): Promise<readonly Pending[]> {
  const pending: Pending[] = [];
  const posted = (): number => bench.audit().filter(({ type }) => type === 'posted').length;
  const before = posted();
  while (pending.length < count) pending.push(await bench.ask(payload('PreToolUse.Bash'), run));
  await bench.until(() => posted() - before >= count, 'the cards to be on record');
  return pending;
}

/** Presses a button as somebody does whose client may not have redrawn yet. */
export const press = ({ slack }: TestBench, { channel, ts }: EmulatedMessage, actionId: Button, more: Press = {}) =>
  slack.click({ channel, ts, actionId, stale: true, ...more });

/** A request from beginning to end. */
export async function denied(bench: TestBench): Promise<void> {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
  await press(bench, card, 'csh_deny');
  expect(await answerOf(hook)).toBe('deny');
}

/**
 * Presses on whatever is open, again when nothing comes of it for a while, until `isDone`. Rejects after `boundMs`.
 * @param pressOne what it rejects with is passed on
 */
export async function pressUntil<T extends { readonly card: EmulatedMessage }>(
  { until }: TestBench,
  open: () => readonly T[],
  pressOne: (item: T) => Promise<unknown>,
  isDone: () => boolean,
  boundMs = 50_000,
): Promise<void> {
  const pressedAt = new Map<string, number>();
  const isDue = ({ card }: T): boolean => performance.now() - (pressedAt.get(card.ts) ?? -1e9) > AGAIN_MS;
  for (const bound = performance.now() + boundMs; !isDone(); ) {
    if (performance.now() > bound) throw new Error('Expected every hook to have ended and every card to be closed');
    for (const item of open().filter(isDue)) {
      pressedAt.set(item.card.ts, performance.now());
      await pressOne(item);
    }
    await until(() => isDone() || open().some(isDue), 'the next card or answer', boundMs);
  }
}

export const messageOf = ({ slack }: TestBench, { channel, ts }: EmulatedMessage): EmulatedMessage => {
  const found = slack.messages().find((message) => message.channel === channel && message.ts === ts);
  if (found === undefined) throw new Error(`Expected a message ${ts}`);
  return found;
};

export const noticesTo = ({ slack }: TestBench, userId: string): readonly EmulatedMessage[] =>
  slack.messages().filter(({ ephemeralFor }) => ephemeralFor === userId);

export const noticed = ({ slack }: TestBench, userId: string, text: string): Promise<EmulatedMessage> =>
  slack.waitForMessage((message) => message.ephemeralFor === userId && message.text === text);

export const refusals = ({ audit }: TestBench) => audit().filter(({ type }) => type === 'refused');

/** What the buttons of a card carry. */
export function buttonOf({ blocks }: EmulatedMessage): string {
  const buttons = blocks.flatMap(({ type, elements }) =>
    type === 'actions' && Array.isArray(elements) ? elements : [],
  );
  return String(buttons.find(({ action_id }) => action_id === 'csh_approve')?.value);
}

/** A PermissionRequest with a rule that the agent would take from now on. */
export const SUGGESTED = {
  tool_input: { command: 'npm test --silent', description: 'Run unit tests' },
  permission_suggestions: [
    {
      type: 'addRules',
      rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }],
      behavior: 'allow',
      destination: 'localSettings',
    },
  ],
};

/** The value of the option of a form whose text ends so; empty when there is none. */
export function optionOf(view: unknown, text: string): string {
  let found = '';
  JSON.stringify(view, (_key, item: { text?: { text?: string }; value?: string } | null) => {
    if (item?.text?.text?.endsWith(text) === true && item.value !== undefined) found = item.value;
    return item;
  });
  return found;
}
