/** Cards of a bench, what is pressed on them, and what came of it. */
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, type TestBench } from '../e2e/bench.ts';

export type Button = 'csh_approve' | 'csh_deny';
export type Press = Partial<Parameters<TestBench['slack']['click']>[0]>;

export const decisionOf = (stdout: string): unknown => JSON.parse(stdout).hookSpecificOutput.permissionDecision;
export const answerOf = async ({ ended }: Hook): Promise<unknown> => decisionOf((await ended).stdout);

/** Presses a button as somebody does whose client may not have redrawn yet. */
export const press = ({ slack }: TestBench, { channel, ts }: EmulatedMessage, actionId: Button, more: Press = {}) =>
  slack.click({ channel, ts, actionId, stale: true, ...more });

export const messageOf = ({ slack }: TestBench, { channel, ts }: EmulatedMessage): EmulatedMessage => {
  const found = slack.messages().find((message) => message.channel === channel && message.ts === ts);
  if (found === undefined) throw new Error(`Expected a message ${ts}`);
  return found;
};

export const closed = ({ slack }: TestBench, { ts }: EmulatedMessage): Promise<EmulatedMessage> =>
  slack.waitForMessage((message) => message.ts === ts && !hasButtons(message), 30_000);

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

/** Resolves when `ms` have passed for the processes around us. */
export const passed = ({ until }: TestBench, ms: number): Promise<void> => {
  const from = performance.now();
  return until(() => performance.now() - from >= ms, `${ms} ms to pass`, ms + 5_000);
};
