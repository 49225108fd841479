/** What people do: press buttons, submit modals, write, react. Builds Slack's payloads and follows what the ack says. */
import type { ClickResult } from './emulator-types.ts';
import { recordOf, recordsOf, stringOf } from './json.ts';
import { addMessage } from './methods-chat.ts';
import type { Delivery, SocketMode } from './socket-mode.ts';
import { followAck, viewPayload } from './views.ts';
import { type MessageRecord, messageJson, type ViewRecord, type Workspace } from './workspace.ts';

type StateValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A press on an element. `entered` is what a menu or input holds, e.g. `{selected_option}`; `state` what else the message holds. */
export interface Press {
  readonly actionId: string;
  readonly blockId?: string;
  readonly userId?: string;
  readonly entered?: Readonly<Record<string, unknown>>;
  readonly state?: StateValues;
  /** Also finds the element in earlier versions of the message: a client that has not redrawn yet. */
  readonly stale?: boolean;
  readonly override?: { readonly value?: string; readonly ts?: string; readonly channel?: string };
}

export interface Interactions {
  pressOnMessage(channel: string, ts: string, press: Press): Promise<ClickResult>;
  pressOnView(viewId: string, press: Press): Promise<ClickResult>;
  submitView(viewId: string, values: StateValues): Promise<ClickResult>;
  closeView(viewId: string): Promise<ClickResult>;
  say(target: { channel: string; text: string; threadTs?: string; userId?: string }): Promise<ClickResult>;
  react(target: { channel: string; ts: string; emoji: string; userId?: string }): Promise<ClickResult>;
  /** Ends the redelivery of events. */
  stop(): void;
}

/** Events are sent again at once, after a minute and after five minutes (Events API documentation). */
const EVENT_RETRIES_MS = [0, 60_000, 300_000];

/** `responseUrl` makes the address at which the app may answer without a token. */
export function createInteractions(
  workspace: Workspace,
  socketMode: SocketMode,
  responseUrl: (message: MessageRecord, userId: string) => string,
): Interactions {
  const retries = new Set<ReturnType<typeof setTimeout>>();

  async function pressOnMessage(channel: string, ts: string, press: Press): Promise<ClickResult> {
    const userId = press.userId ?? workspace.user.id;
    const message = existingMessage(channel, ts);
    const { element, blockId } = findElement([message.blocks, ...(press.stale ? message.earlier : [])], press);
    const shownChannel = press.override?.channel ?? channel;
    const shownTs = press.override?.ts ?? ts;
    const delivery = await socketMode.deliver({
      payload: {
        type: 'block_actions',
        user: userJson(userId),
        api_app_id: workspace.appId,
        token: workspace.verificationToken,
        container: {
          type: 'message',
          message_ts: shownTs,
          channel_id: shownChannel,
          is_ephemeral: message.ephemeralFor !== undefined,
          ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
        },
        trigger_id: workspace.newTrigger(userId),
        team: { id: workspace.teamId, domain: 'emulated' },
        enterprise: null,
        is_enterprise_install: false,
        channel: { id: shownChannel, name: 'directmessage' },
        // Slack leaves the message of an ephemeral one out.
        ...(message.ephemeralFor === undefined ? { message: { ...messageJson(workspace, message), ts: shownTs } } : {}),
        state: { values: press.state ?? {} },
        response_url: responseUrl(message, userId),
        actions: [actionJson(element, blockId, press)],
      },
      type: 'interactive',
      accepts_response_payload: false,
    });
    if (delivery.delivery === 'acked') delete message.notAckedActionId;
    else message.notAckedActionId = press.actionId;
    workspace.changes.notify();
    return delivery;
  }

  async function pressOnView(viewId: string, press: Press): Promise<ClickResult> {
    const record = existingView(viewId);
    const { element, blockId } = findElement([recordsOf(record.view.blocks)], press);
    return socketMode.deliver({
      payload: {
        type: 'block_actions',
        ...viewEnvelope(record),
        container: { type: 'view', view_id: viewId },
        trigger_id: workspace.newTrigger(record.userId, viewId),
        view: viewPayload(record, press.state ?? {}),
        actions: [actionJson(element, blockId, press)],
      },
      type: 'interactive',
      accepts_response_payload: false,
    });
  }

  async function submitView(viewId: string, values: StateValues): Promise<ClickResult> {
    const record = existingView(viewId);
    const delivery = await socketMode.deliver({
      payload: {
        type: 'view_submission',
        ...viewEnvelope(record),
        trigger_id: workspace.newTrigger(record.userId, viewId),
        view: viewPayload(record, values),
        response_urls: [],
      },
      type: 'interactive',
      accepts_response_payload: true,
    });
    followAck(workspace, record, delivery);
    return delivery;
  }

  async function closeView(viewId: string): Promise<ClickResult> {
    const record = existingView(viewId);
    workspace.views.splice(workspace.views.indexOf(record), 1);
    workspace.changes.notify();
    // Nobody is told, as nobody asked to be.
    if (record.view.notify_on_close !== true) return { delivery: 'no-connection' };
    return socketMode.deliver({
      payload: {
        type: 'view_closed',
        ...viewEnvelope(record),
        view: viewPayload(record, {}),
        is_cleared: false,
      },
      type: 'interactive',
      accepts_response_payload: false,
    });
  }

  async function say(target: Parameters<Interactions['say']>[0]): Promise<ClickResult> {
    const person = workspace.personOfDm(target.channel);
    if (person === undefined) throw new Error(`Expected a conversation with the app, got ${target.channel}`);
    if (target.threadTs !== undefined) existingMessage(target.channel, target.threadTs);
    const message = addMessage(workspace, {
      channel: target.channel,
      author: target.userId ?? person.id,
      // What a client sends for typed text: the three characters with a meaning are escaped.
      text: target.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
      blocks: [],
      ...(target.threadTs === undefined ? {} : { threadTs: target.threadTs }),
    });
    return event('im:history', {
      type: 'message',
      client_msg_id: crypto.randomUUID(),
      channel: message.channel,
      channel_type: 'im',
      user: message.author,
      text: message.text,
      ts: message.ts,
      team: workspace.teamId,
      event_ts: message.ts,
      ...(message.threadTs === undefined
        ? {}
        : { thread_ts: message.threadTs, parent_user_id: workspace.find(message.channel, message.threadTs)?.author }),
    });
  }

  async function react(target: Parameters<Interactions['react']>[0]): Promise<ClickResult> {
    const message = existingMessage(target.channel, target.ts);
    const userId = target.userId ?? workspace.user.id;
    message.reactions.set(target.emoji, (message.reactions.get(target.emoji) ?? new Set()).add(userId));
    workspace.changes.notify();
    return event('reactions:read', {
      type: 'reaction_added',
      user: userId,
      reaction: target.emoji,
      item: { type: 'message', channel: message.channel, ts: message.ts },
      item_user: message.author,
      event_ts: workspace.nextTs(),
    });
  }

  /** Sends an event when the app may have it. The result is that of the first attempt; retries go on behind it. */
  async function event(scope: string, body: Record<string, unknown>): Promise<ClickResult> {
    if (!workspace.scopes.includes(scope)) return { delivery: 'no-connection' };
    const payload = {
      token: workspace.verificationToken,
      team_id: workspace.teamId,
      api_app_id: workspace.appId,
      event: body,
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

  function viewEnvelope(record: ViewRecord): Record<string, unknown> {
    return {
      team: { id: workspace.teamId, domain: 'emulated' },
      user: userJson(record.userId),
      api_app_id: workspace.appId,
      token: workspace.verificationToken,
      is_enterprise_install: false,
      enterprise: null,
    };
  }

  function userJson(userId: string): Record<string, unknown> {
    const name = workspace.person(userId)?.name ?? 'stranger';
    return { id: userId, username: name, name, team_id: workspace.teamId };
  }

  function existingMessage(channel: string, ts: string): MessageRecord {
    const message = workspace.find(channel, ts);
    if (message === undefined) throw new Error(`Expected a message ${ts} in ${channel}, there is none`);
    return message;
  }

  function existingView(viewId: string): ViewRecord {
    const record = workspace.views.find((view) => view.id === viewId);
    if (record === undefined) throw new Error(`Expected an open modal ${viewId}, there is none`);
    return record;
  }

  return {
    pressOnMessage,
    pressOnView,
    submitView,
    closeView,
    say,
    react,
    stop: () => {
      for (const timer of retries) clearTimeout(timer);
    },
  };
}

/** The element that a person presses. Throws when no version of the blocks has it: nobody can press what is not there. */
function findElement(
  versions: readonly (readonly Record<string, unknown>[])[],
  press: Press,
): { element: Record<string, unknown>; blockId: string } {
  for (const block of versions.flat()) {
    const blockId = stringOf(block.block_id) ?? '';
    if (press.blockId !== undefined && press.blockId !== blockId) continue;
    for (const element of elementsOf(block)) {
      if (element.action_id === press.actionId) return { element, blockId };
    }
  }
  const where = press.blockId === undefined ? '' : ` in block ${press.blockId}`;
  const there = versions
    .flat()
    .flatMap(elementsOf)
    .map((element) => String(element.action_id));
  throw new Error(`Expected an element ${press.actionId}${where}, there is [${there.join(', ')}]`);
}

function elementsOf(block: Record<string, unknown>): Record<string, unknown>[] {
  const elements = block.type === 'actions' ? recordsOf(block.elements) : [];
  return [...elements, recordOf(block.accessory), recordOf(block.element)].filter(
    (element) => typeof element.action_id === 'string',
  );
}

function actionJson(element: Record<string, unknown>, blockId: string, press: Press): Record<string, unknown> {
  const value = press.override?.value ?? element.value;
  const now = Date.now() * 1000;
  return {
    action_id: element.action_id,
    block_id: blockId,
    ...(element.text === undefined ? {} : { text: element.text }),
    ...(value === undefined ? {} : { value }),
    ...(element.style === undefined ? {} : { style: element.style }),
    type: element.type,
    ...press.entered,
    action_ts: `${Math.floor(now / 1e6)}.${String(now % 1e6).padStart(6, '0')}`,
  };
}
