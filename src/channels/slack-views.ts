/** Opening and turning modals. */
import type { ModalView } from '@slack/types';
import type { SlackCalls } from './slack-calls.ts';
import type { Click, Notify, Spot } from './slack-clicks.ts';
import { NOTICES } from './wording-notices.ts';

export interface ViewsOptions {
  readonly calls: SlackCalls;
  readonly now: () => number;
  readonly stopping: AbortSignal;
  readonly notify: Notify;
}

export interface Views {
  /** Opens a form for the person who pressed. Instead of a form there may be a sentence that says why there is none. */
  open(click: Click, view: ModalView | string): void;
  /** Shows something else in an open modal. */
  turn(viewId: string, view: ModalView, spot: Spot): void;
}

/** A trigger opens a modal for three seconds (views.open reference). */
const TRIGGER_MS = 3_000;
const TURN_MS = 10_000;

export function createViews({ calls, now, stopping, notify }: ViewsOptions): Views {
  const show = async (method: 'views.open' | 'views.update', args: Record<string, unknown>, ms: number) => {
    const bounds = { deadline: now() + ms, maxTries: 1, signal: stopping };
    await calls.call('edit', method, args, 'open the form', bounds);
  };
  return {
    open: (click, view) => {
      const failed = (): void => notify(click, NOTICES.noForm);
      if (typeof view === 'string') notify(click, view);
      else if (click.trigger === undefined) failed();
      else show('views.open', { trigger_id: click.trigger, view }, TRIGGER_MS).catch(failed);
    },
    turn: (viewId, view, spot) => {
      show('views.update', { view_id: viewId, view }, TURN_MS).catch(() => notify(spot, NOTICES.noForm));
    },
  };
}
