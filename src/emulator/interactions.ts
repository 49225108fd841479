/** What people do with what an app shows: press, enter, submit, close. Builds Slack's payloads and follows what the ack says. */
import type { ClickResult } from './emulator-types.ts';
import { isRecord, recordsOf } from './json.ts';
import { messageJson } from './message-json.ts';
import type { SocketMode } from './socket-mode.ts';
import {
  checkedState,
  complaints,
  enteredIn,
  mergedState,
  type Place,
  placesOf,
  type StateValues,
  stateOf,
} from './values.ts';
import { followAck, stackOf, viewPayload } from './views.ts';
import { existingMessage, type MessageRecord, type ViewRecord, type Workspace } from './workspace.ts';

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
  closeView(viewId: string, all?: boolean): Promise<ClickResult>;
}

type Blocks = readonly Record<string, unknown>[];

/** `responseUrl` makes the address at which the app may answer without a token. */
export function createInteractions(
  workspace: Workspace,
  socketMode: SocketMode,
  responseUrl: (message: MessageRecord, userId: string) => string,
): Interactions {
  async function pressOnMessage(channel: string, ts: string, press: Press): Promise<ClickResult> {
    const userId = press.userId ?? workspace.user.id;
    const message = existingMessage(workspace, channel, ts);
    const { place, blocks } = findElement([message.blocks, ...(press.stale ? message.earlier : [])], press);
    const known = afterPress(blocks, place, press, message.entered.get(userId) ?? {});
    message.entered.set(userId, known);
    if (!isReported(place)) return { delivery: 'not-sent' };
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
        state: { values: stateOf(blocks, known) },
        response_url: responseUrl(message, userId),
        actions: [actionJson(place, press)],
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
    const record = topView(viewId);
    const { place, blocks } = findElement([recordsOf(record.view.blocks)], press);
    record.entered = afterPress(blocks, place, press, record.entered);
    if (!isReported(place)) return { delivery: 'not-sent' };
    return socketMode.deliver({
      payload: {
        type: 'block_actions',
        ...viewEnvelope(record),
        container: { type: 'view', view_id: viewId },
        trigger_id: workspace.newTrigger(record.userId, viewId),
        view: viewPayload(record, stateOf(blocks, record.entered)),
        actions: [actionJson(place, press)],
      },
      type: 'interactive',
      accepts_response_payload: false,
    });
  }

  async function submitView(viewId: string, values: StateValues): Promise<ClickResult> {
    const record = topView(viewId);
    const { submit, submit_disabled: isDisabled } = record.view;
    if (!isRecord(submit) || isDisabled === true) throw new Error(`Expected modal ${viewId} to have a submit button`);
    const blocks = recordsOf(record.view.blocks);
    record.entered = mergedState(record.entered, checkedState(blocks, values));
    const state = stateOf(blocks, record.entered);
    record.errors = complaints(blocks, state);
    workspace.changes.notify();
    if (Object.keys(record.errors).length > 0) return { delivery: 'not-sent' };
    const delivery = await socketMode.deliver({
      payload: {
        type: 'view_submission',
        ...viewEnvelope(record),
        trigger_id: workspace.newTrigger(record.userId, viewId),
        view: viewPayload(record, state),
        response_urls: [],
      },
      type: 'interactive',
      accepts_response_payload: true,
    });
    followAck(workspace, record, delivery);
    return delivery;
  }

  async function closeView(viewId: string, all = false): Promise<ClickResult> {
    const top = topView(viewId);
    const isCleared = all || top.view.clear_on_close === true;
    const closed = isCleared ? stackOf(workspace, top.userId).reverse() : [top];
    for (const record of closed) workspace.views.splice(workspace.views.indexOf(record), 1);
    workspace.changes.notify();
    const deliveries = closed
      .filter((record) => record.view.notify_on_close === true)
      .map((record) =>
        socketMode.deliver({
          payload: {
            type: 'view_closed',
            ...viewEnvelope(record),
            view: viewPayload(record, stateOf(recordsOf(record.view.blocks), record.entered)),
            is_cleared: isCleared,
          },
          type: 'interactive',
          accepts_response_payload: false,
        }),
      );
    const [first] = await Promise.all(deliveries);
    // Nobody is told when nobody asked to be.
    return first ?? { delivery: 'no-connection' };
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

  /** People reach the modal on top only. */
  function topView(viewId: string): ViewRecord {
    const record = workspace.views.find((view) => view.id === viewId);
    if (record === undefined) throw new Error(`Expected an open modal ${viewId}, there is none`);
    if (stackOf(workspace, record.userId).at(-1) === record) return record;
    throw new Error(`Expected modal ${viewId} to be on top, another one is`);
  }

  return { pressOnMessage, pressOnView, submitView, closeView };
}

/** The element that a person presses. Throws when no version of the blocks has it: nobody can press what is not there. */
function findElement(versions: readonly Blocks[], press: Press): { place: Place; blocks: Blocks } {
  for (const blocks of versions) {
    const place = placesOf(blocks).find(
      ({ blockId, actionId }) => actionId === press.actionId && (press.blockId ?? blockId) === blockId,
    );
    if (place !== undefined) return { place, blocks };
  }
  const where = press.blockId === undefined ? '' : ` in block ${press.blockId}`;
  const there = versions.flatMap(placesOf).map(({ actionId }) => actionId);
  throw new Error(`Expected an element ${press.actionId}${where}, there is [${there.join(', ')}]`);
}

/** What the person has entered when the press is done. Throws for what nobody could enter. */
function afterPress(
  blocks: Blocks,
  { blockId, actionId, element }: Place,
  press: Press,
  known: StateValues,
): StateValues {
  const chosen = enteredIn(element, press.entered);
  const beside = mergedState(known, checkedState(blocks, press.state ?? {}));
  return Object.keys(chosen).length === 0 ? beside : mergedState(beside, { [blockId]: { [actionId]: chosen } });
}

/** Inputs keep their changes to themselves until the form is sent, unless they are told to dispatch them. */
function isReported({ block }: Place): boolean {
  return block.type !== 'input' || block.dispatch_action === true;
}

function actionJson({ element, blockId }: Place, press: Press): Record<string, unknown> {
  const value = press.override?.value ?? element.value;
  const now = Date.now() * 1000;
  return {
    action_id: element.action_id,
    block_id: blockId,
    ...(element.text === undefined ? {} : { text: element.text }),
    ...(value === undefined ? {} : { value }),
    ...(element.style === undefined ? {} : { style: element.style }),
    type: element.type,
    ...enteredIn(element, press.entered),
    action_ts: `${Math.floor(now / 1e6)}.${String(now % 1e6).padStart(6, '0')}`,
  };
}
