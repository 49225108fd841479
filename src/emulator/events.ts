/** Events of the Events API: sent when the app has the scope, and again when nobody acknowledges them. */
import type { ClickResult } from './emulator-types.ts';
import type { Delivery, SocketMode } from './socket-mode.ts';
import type { Workspace } from './workspace.ts';

export interface Events {
  /** The result is that of the first attempt, 'no-connection' without the scope where one is needed; retries go on behind it. */
  send(scope: string | undefined, event: Record<string, unknown>): Promise<ClickResult>;
  /** Ends the redelivery. */
  stop(): void;
}

/** Events are sent again at once, after a minute and after five minutes (Events API documentation). */
const EVENT_RETRIES_MS = [0, 60_000, 300_000];

/** Creates the sender of events. */
export function createEvents(workspace: Workspace, socketMode: SocketMode): Events {
  const retries = new Set<ReturnType<typeof setTimeout>>();

  async function send(scope: string | undefined, event: Record<string, unknown>): Promise<ClickResult> {
    if (scope !== undefined && !workspace.scopes.includes(scope)) return { delivery: 'no-connection' };
    const payload = {
      token: workspace.verificationToken,
      team_id: workspace.teamId,
      api_app_id: workspace.appId,
      event,
      type: 'event_callback',
      event_id: workspace.newId('Ev'),
      event_time: Math.floor(Date.now() / 1000),
      authorizations: [{ enterprise_id: null, team_id: workspace.teamId, user_id: workspace.botUser.id, is_bot: true }],
      is_ext_shared_channel: false,
    };
    const attempt = (retry: number): Promise<Delivery> =>
      socketMode.deliver({
        payload,
        type: 'events_api',
        accepts_response_payload: false,
        retry_attempt: retry,
        retry_reason: retry === 0 ? '' : 'timeout',
      });
    const redeliver = (retry: number): void => {
      const wait = EVENT_RETRIES_MS[retry - 1];
      if (wait === undefined) return;
      const timer = setTimeout(async () => {
        retries.delete(timer);
        if ((await attempt(retry)).delivery !== 'acked') redeliver(retry + 1);
      }, wait);
      timer.unref();
      retries.add(timer);
    };
    const first = await attempt(0);
    if (first.delivery !== 'acked') redeliver(1);
    return first;
  }

  return {
    send,
    stop: () => {
      for (const timer of retries) clearTimeout(timer);
    },
  };
}
