/** Modals: how they are written, and what the app's answer to a submission does to them. */
import { withIds } from './blocks.ts';
import { isRecord, recordOf, recordsOf } from './json.ts';
import type { Delivery } from './socket-mode.ts';
import { checkedView } from './view-check.ts';
import { SlackRefusal } from './web-api.ts';
import type { ViewRecord, Workspace } from './workspace.ts';

/** Slack's limit of modals on top of one another. */
const MAX_STACK = 3;

/** The modals of one person, the oldest first. */
export function stackOf(workspace: Workspace, userId: string): ViewRecord[] {
  return workspace.views.filter((record) => record.userId === userId);
}

/** Puts a checked view on top of a person's stack. Throws push_limit_reached or duplicate_external_id. */
export function pushView(workspace: Workspace, userId: string, view: Record<string, unknown>): ViewRecord {
  const stack = stackOf(workspace, userId);
  if (stack.length >= MAX_STACK) throw new SlackRefusal('push_limit_reached');
  checkExternalId(workspace, view);
  const id = workspace.newId('V');
  const record: ViewRecord = {
    id,
    userId,
    view: {
      ...fullView(workspace, id, view),
      root_view_id: stack[0]?.id ?? id,
      previous_view_id: stack.at(-1)?.id ?? null,
    },
    entered: {},
    errors: {},
    troubled: false,
  };
  workspace.views.push(record);
  workspace.changes.notify();
  return record;
}

/** Replaces what a modal shows. Throws duplicate_external_id. */
export function replaceView(workspace: Workspace, record: ViewRecord, view: Record<string, unknown>): void {
  checkExternalId(workspace, view, record);
  record.view = {
    ...fullView(workspace, record.id, view),
    root_view_id: record.view.root_view_id,
    previous_view_id: record.view.previous_view_id,
  };
  record.errors = {};
  record.troubled = false;
  workspace.changes.notify();
}

/** An external id names one view of the workspace. */
function checkExternalId(workspace: Workspace, view: Record<string, unknown>, itself?: ViewRecord): void {
  const id = view.external_id;
  if (typeof id !== 'string' || id === '') return;
  if (workspace.views.some((record) => record !== itself && record.view.external_id === id)) {
    throw new SlackRefusal('duplicate_external_id');
  }
}

/** A view with everything that Slack adds. */
export function fullView(workspace: Workspace, id: string, view: Record<string, unknown>): Record<string, unknown> {
  return {
    private_metadata: '',
    callback_id: '',
    clear_on_close: false,
    notify_on_close: false,
    close: null,
    submit: null,
    external_id: '',
    ...view,
    blocks: withIds(recordsOf(view.blocks)),
    id,
    team_id: workspace.teamId,
    state: { values: {} },
    hash: `${Date.now()}.${workspace.newId('H').slice(1)}`,
    app_id: workspace.appId,
    app_installed_team_id: workspace.teamId,
    bot_id: workspace.botId,
  };
}

/** A view as payloads carry it, with what the person has entered. */
export function viewPayload(record: ViewRecord, values: unknown): Record<string, unknown> {
  return { ...record.view, state: { values } };
}

/** Does what the ack of a submission asks for. Without an ack the modal stays and says that there was trouble. */
export function followAck(workspace: Workspace, record: ViewRecord, delivery: Delivery): void {
  if (!workspace.views.includes(record)) return;
  record.errors = {};
  record.troubled = delivery.delivery !== 'acked';
  if (!record.troubled) {
    try {
      followAction(workspace, record, recordOf(delivery.ackPayload));
    } catch (error) {
      // The person sees the same as when nobody answered; the app is told nothing, as in Slack.
      if (!(error instanceof SlackRefusal)) throw error;
      record.troubled = true;
    }
  }
  workspace.changes.notify();
}

function followAction(workspace: Workspace, record: ViewRecord, answer: Record<string, unknown>): void {
  const action = answer.response_action;
  if (action === undefined) {
    closeRecord(workspace, record);
  } else if (action === 'clear') {
    for (const open of stackOf(workspace, record.userId)) closeRecord(workspace, open);
  } else if (action === 'update') {
    replaceView(workspace, record, checkedView(answer.view, 'modal'));
  } else if (action === 'push') {
    pushView(workspace, record.userId, checkedView(answer.view, 'modal'));
  } else if (action === 'errors') {
    record.errors = checkedErrors(record, answer.errors);
  } else {
    throw new SlackRefusal('invalid_arguments');
  }
}

/** Slack takes errors for input blocks of this modal only. */
function checkedErrors(record: ViewRecord, errors: unknown): Record<string, string> {
  const inputs = recordsOf(record.view.blocks).filter((block) => block.type === 'input');
  const entries = isRecord(errors) ? Object.entries(errors) : [];
  const known = entries.every(
    ([blockId, message]) => typeof message === 'string' && inputs.some((block) => block.block_id === blockId),
  );
  if (!known || entries.length === 0) throw new SlackRefusal('invalid_arguments');
  return Object.fromEntries(entries.map(([blockId, message]) => [blockId, String(message)]));
}

function closeRecord(workspace: Workspace, record: ViewRecord): void {
  workspace.views.splice(workspace.views.indexOf(record), 1);
}
