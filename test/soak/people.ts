/** People in front of the cards of a long run: an approver who presses once, or twice, or late, and a stranger. */
import type { TestBench } from '../e2e/bench.ts';
import { type Asked, indexIn } from './asking.ts';
import { type Button, type Card, press, watchCards } from './cards.ts';

export interface People {
  /** Presses on the cards of a request that has ended. */
  pressLate(asked: Asked): Promise<void>;
  stop(): void;
}

/** They react to every card of the requests in `all`, by number. */
export function createPeople({ slack }: TestBench, all: ReadonlyMap<number, Asked>): People {
  const cards = new Map<number, Card>();

  const react = async (asked: Asked, card: Card): Promise<void> => {
    const { trouble, index, pressed } = asked;
    // Nobody is at the phone before they are killed.
    if (trouble === 'hook-sigkill' || trouble === 'hook-sigterm') return;
    const button = buttonFor(index, card);
    const isOver = (): boolean => asked.ending !== undefined;
    // One that counted would be an answer that nobody expects.
    if (trouble === 'stranger') await press(slack, card, other(button), { userId: slack.otherUser.id }, isOver);
    pressed.add(button);
    const again = trouble === 'double-click' ? [press(slack, card, button, {}, isOver)] : [];
    await Promise.all([press(slack, card, button, {}, isOver), ...again]);
  };

  const stop = watchCards(slack, (card) => {
    const asked = all.get(indexIn(card.text));
    if (asked === undefined) return;
    cards.set(asked.index, card);
    void react(asked, card);
  });
  return {
    pressLate: async (asked) => {
      const card = cards.get(asked.index);
      cards.delete(asked.index);
      if (card === undefined || !['late-click', 'hook-sigkill', 'hook-sigterm'].includes(asked.trouble ?? '')) return;
      // What a person still has on the screen, and not what was decided.
      await press(slack, card, other(buttonFor(asked.index, card)), { stale: true });
    },
    stop,
  };
}

/** By tens, so that processes get either answer, and by hundreds, so that every trouble does. */
function buttonFor(index: number, { canApprove }: Card): Button {
  const isApproved = (Math.floor(index / 10) + Math.floor(index / 100)) % 2 === 0;
  return canApprove && isApproved ? 'csh_approve' : 'csh_deny';
}

function other(button: Button): Button {
  return button === 'csh_deny' ? 'csh_approve' : 'csh_deny';
}
