/** Cards as a person finds and presses them, cheap enough for many thousands: it reads what was posted, not what there is. */
import type { EmulatedCall, Emulator } from '../../src/emulator/emulator-types.ts';
import { textOf } from '../e2e/bench.ts';

export type Button = 'csh_approve' | 'csh_deny';

export interface Card {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  /** Whether everything was shown: otherwise it can only be denied. */
  readonly canApprove: boolean;
}

/** Nobody is faster than Slack's answer to the app. */
const SEEN_MS = 5;
const AGAIN_MS = 100;

/** Calls back for every card that is posted from now on, also where Slack's answer does not arrive. Returns what ends that. */
export function watchCards(slack: Emulator, onCard: (card: Card) => void): () => void {
  return slack.onCall((call) => {
    const card = cardOf(call);
    if (card !== undefined) setTimeout(() => onCard(card), SEEN_MS);
  });
}

function cardOf({ method, args, response }: EmulatedCall): Card | undefined {
  const { channel, ts } = response;
  const { blocks } = args;
  if (method !== 'chat.postMessage' || !Array.isArray(blocks)) return undefined;
  if (typeof channel !== 'string' || typeof ts !== 'string' || !blocks.some(({ type }) => type === 'actions'))
    return undefined;
  return { channel, ts, text: textOf({ blocks }), canApprove: JSON.stringify(blocks).includes('"csh_approve"') };
}

/** Presses until Slack shows no warning sign, as a person does. False when the button is no longer there, or `isOver` says that nobody wants it any more. */
export async function press(
  slack: Emulator,
  { channel, ts }: Pick<Card, 'channel' | 'ts'>,
  actionId: Button,
  more: { readonly userId?: string; readonly stale?: boolean } = {},
  isOver: () => boolean = () => false,
): Promise<boolean> {
  while (!isOver()) {
    try {
      const { delivery } = await slack.click({ channel, ts, actionId, ...more });
      if (delivery === 'acked') return true;
    } catch {
      // No version of the message that is on the screen has it.
      return false;
    }
    await Bun.sleep(AGAIN_MS);
  }
  return false;
}
