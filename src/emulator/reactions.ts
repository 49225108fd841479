/** Reactions of people and of the app on messages. */
import type { MessageRecord } from './workspace.ts';

/** Other names of the same emoji: Slack keeps reactions under one of them. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['thumbsup', '+1'],
  ['thumbsdown', '-1'],
]);

/** The name under which Slack keeps a reaction, a skin tone included (`+1::skin-tone-3`); undefined when it is no name, `:eyes:` for one. */
export function reactionName(name: string): string | undefined {
  const [, base, tone] = /^([a-z0-9_+'-]+)(::skin-tone-[2-6])?$/.exec(name) ?? [];
  return base === undefined ? undefined : `${SAME.get(base) ?? base}${tone ?? ''}`;
}

/** False when this person already had this reaction there. */
export function addReaction(message: MessageRecord, name: string, userId: string): boolean {
  const users = message.reactions.get(name) ?? new Set();
  if (users.has(userId)) return false;
  message.reactions.set(name, users.add(userId));
  return true;
}

/** False when this person did not have this reaction there. */
export function removeReaction(message: MessageRecord, name: string, userId: string): boolean {
  const users = message.reactions.get(name);
  if (users === undefined || !users.delete(userId)) return false;
  if (users.size === 0) message.reactions.delete(name);
  return true;
}
