/** 200 hooks as fast as they can be started, with a daemon that runs: every one is shown, and answered by one press. */
import { payload, type TestBench } from '../e2e/bench.ts';
import { type Card, press, watchCards } from './cards.ts';
import { endingOf } from './hooks.ts';
import { atMost, exactly, type Row, withSoak } from './soak.ts';

const HOOKS = 200;
const CARDS_S = 10;
const ANSWERS_S = 12;

export function burst(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    await warmUp(bench);
    const presses: Promise<boolean>[] = [];
    const startedAt = performance.now();
    let lastCardMs = 0;
    const stop = watchCards(bench.slack, (card: Card) => {
      lastCardMs = performance.now() - startedAt;
      presses.push(press(bench.slack, card, 'csh_approve'));
    });
    const hooks = Array.from({ length: HOOKS }, () => bench.hook(payload('PreToolUse.Bash')));
    const ran = await Promise.all(hooks.map(({ ended }) => ended));
    const lastAnswerMs = performance.now() - startedAt;
    stop();
    return [
      exactly('hooks allowed', ran.map(endingOf).filter((ending) => ending === 'allow').length, HOOKS),
      exactly('presses needed', presses.length, HOOKS),
      atMost('to the last card', lastCardMs / 1000, CARDS_S, 's'),
      atMost('to the last answer', lastAnswerMs / 1000, ANSWERS_S, 's'),
    ];
  });
}

/** Starts the daemon, and has it draw and close a card once. */
export async function warmUp(bench: TestBench): Promise<void> {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
  await bench.press(card, 'csh_deny');
  await hook.ended;
}
