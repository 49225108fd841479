/** views.*: modals open with a trigger, change by id, and the home tab is published. */
import { recordOf, stringOf } from './json.ts';
import { checkedView } from './view-check.ts';
import { fullView, pushView, replaceView } from './views.ts';
import { type Args, type Method, requiredText, SlackRefusal } from './web-api.ts';
import type { TriggerRecord, ViewRecord, Workspace } from './workspace.ts';

/** A trigger_id is good for three seconds (Slack documentation on modals). */
const TRIGGER_LIFE_MS = 3_000;

/** The methods that open and change views. */
export function viewMethods(workspace: Workspace): Record<string, Method> {
  const method = (run: Method['run']): Method => ({ token: 'bot', scopes: [], run });
  return {
    'views.open': method((args) => {
      const view = checkedView(args.view, 'modal');
      const trigger = takeTrigger(workspace, args);
      // Slack puts a second opened modal on top, as a push does.
      return { view: pushView(workspace, trigger.userId, view).view };
    }),
    'views.push': method((args) => {
      const view = checkedView(args.view, 'modal');
      const trigger = takeTrigger(workspace, args);
      // A push goes on top of the modal that it answers.
      if (!workspace.views.some((open) => open.id === trigger.viewId)) throw new SlackRefusal('not_found');
      return { view: pushView(workspace, trigger.userId, view).view };
    }),
    'views.update': method((args) => updateView(workspace, args)),
    'views.publish': method((args) => {
      const view = checkedView(args.view, 'home');
      const userId = requiredText(args, 'user_id');
      if (workspace.person(userId) === undefined) throw new SlackRefusal('user_not_found');
      const home = fullView(workspace, workspace.newId('V'), view);
      workspace.homes.set(userId, home);
      workspace.changes.notify();
      return { view: home };
    }),
  };
}

function updateView(workspace: Workspace, args: Args): Record<string, unknown> {
  const view = checkedView(args.view, 'modal');
  const record = findView(workspace, args);
  if (record === undefined) throw new SlackRefusal('not_found');
  const hash = stringOf(args.hash);
  if (hash !== undefined && hash !== record.view.hash) throw new SlackRefusal('hash_conflict');
  replaceView(workspace, record, view);
  return { view: record.view };
}

function findView(workspace: Workspace, args: Args): ViewRecord | undefined {
  const id = stringOf(args.view_id);
  const externalId = stringOf(args.external_id);
  if (id !== undefined) return workspace.views.find((record) => record.id === id);
  if (externalId === undefined || externalId === '') return undefined;
  return workspace.views.find((record) => recordOf(record.view).external_id === externalId);
}

function takeTrigger(workspace: Workspace, args: Args): TriggerRecord {
  const trigger = workspace.triggers.get(requiredText(args, 'trigger_id'));
  if (trigger === undefined) throw new SlackRefusal('invalid_trigger_id');
  if (trigger.used) throw new SlackRefusal('exchanged_trigger_id');
  if (Date.now() - trigger.at > TRIGGER_LIFE_MS) throw new SlackRefusal('expired_trigger_id');
  trigger.used = true;
  return trigger;
}
