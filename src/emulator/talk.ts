/** What people do without buttons: they write and react, and the app hears of it. */
import type { ClickResult, Emulator } from './emulator-types.ts';
import type { Events } from './events.ts';
import { messageJson } from './message-json.ts';
import { addMessage } from './methods-chat.ts';
import { addReaction, reactionName, removeReaction } from './reactions.ts';
import { existingMessage, type Workspace } from './workspace.ts';

export type Talk = Pick<Emulator, 'say' | 'openMessages' | 'react' | 'unreact'>;

/** Creates the people's side of conversations. */
export function createTalk(workspace: Workspace, events: Events): Talk {
  async function say(target: Parameters<Emulator['say']>[0]): Promise<ClickResult> {
    const person = workspace.personOfDm(target.channel);
    if (person === undefined) throw new Error(`Expected a conversation with the app, got ${target.channel}`);
    const answered =
      target.threadTs === undefined ? undefined : existingMessage(workspace, target.channel, target.threadTs);
    // Who answers a reply writes in the thread that the reply stands in.
    const threadTs = answered?.threadTs ?? answered?.ts;
    const message = addMessage(workspace, {
      channel: target.channel,
      author: target.userId ?? person.id,
      // What a client sends for typed text: the three characters with a meaning are escaped.
      text: target.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
      blocks: [],
      clientMsgId: crypto.randomUUID(),
      ...(threadTs === undefined ? {} : { threadTs, isBroadcast: target.broadcast === true }),
    });
    return events.send('im:history', {
      ...messageJson(workspace, message),
      channel: message.channel,
      channel_type: 'im',
      event_ts: message.ts,
    });
  }

  function reaction(type: string, target: Parameters<Emulator['react']>[0], change: typeof addReaction) {
    const message = existingMessage(workspace, target.channel, target.ts);
    const user = target.userId ?? workspace.user.id;
    const name = reactionName(target.emoji);
    if (name === undefined) throw new Error(`Expected the name of an emoji, got ${target.emoji}`);
    if (!change(message, name, user))
      throw new Error(`Expected a new reaction or one to take back, got ${name} as before`);
    workspace.changes.notify();
    return events.send('reactions:read', {
      type,
      user,
      reaction: name,
      item: { type: 'message', channel: message.channel, ts: message.ts },
      item_user: message.author,
      event_ts: workspace.nextTs(),
    });
  }

  return {
    say,
    openMessages: async (userId = workspace.user.id) =>
      events.send(undefined, {
        type: 'app_home_opened',
        user: userId,
        channel: workspace.dmOf(userId),
        tab: 'messages',
        event_ts: workspace.nextTs(),
      }),
    react: async (target) => reaction('reaction_added', target, addReaction),
    unreact: async (target) => reaction('reaction_removed', target, removeReaction),
  };
}
