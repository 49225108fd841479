/** reactions.*: the app reacts and looks at reactions. */
import { messageJson, reactionsJson } from './message-json.ts';
import { addReaction, reactionName, removeReaction } from './reactions.ts';
import { type Args, type Method, requiredText, SlackRefusal } from './web-api.ts';
import type { MessageRecord, Workspace } from './workspace.ts';

/** The methods of reactions. */
export function reactionMethods(workspace: Workspace): Record<string, Method> {
  const method = (scope: string, run: Method['run']): Method => ({ token: 'bot', scopes: [scope], run });
  const change = (run: typeof addReaction, refusal: string): Method =>
    method('reactions:write', (args) => {
      const name = reactionName(requiredText(args, 'name'));
      if (name === undefined) throw new SlackRefusal('invalid_name');
      if (!run(messageAt(workspace, args), name, workspace.botUser.id)) throw new SlackRefusal(refusal);
      workspace.changes.notify();
      return {};
    });
  return {
    'reactions.add': change(addReaction, 'already_reacted'),
    'reactions.remove': change(removeReaction, 'no_reaction'),
    'reactions.get': method('reactions:read', (args) => {
      const message = messageAt(workspace, args);
      const { text, user, ts } = messageJson(workspace, message);
      const reactions = message.reactions.size > 0 ? { reactions: reactionsJson(message) } : {};
      return {
        type: 'message',
        channel: message.channel,
        message: { type: 'message', text, user, ts, ...reactions },
      };
    }),
  };
}

function messageAt(workspace: Workspace, args: Args): MessageRecord {
  if (args.channel === undefined || args.timestamp === undefined) throw new SlackRefusal('no_item_specified');
  const channel = requiredText(args, 'channel');
  if (!workspace.isConversation(channel)) throw new SlackRefusal('channel_not_found');
  const ts = requiredText(args, 'timestamp');
  if (!/^\d+\.\d+$/.test(ts)) throw new SlackRefusal('bad_timestamp');
  const message = workspace.find(channel, ts);
  if (message === undefined || message.ephemeralFor !== undefined) throw new SlackRefusal('message_not_found');
  return message;
}
