/** chat.*: messages come, change and go. */
import { blockErrors, blockTextLength, withIds } from './blocks.ts';
import { isRecord, isTrue, stringOf } from './json.ts';
import { messageJson } from './message-json.ts';
import { type Args, type Method, requiredText, SlackRefusal } from './web-api.ts';
import type { MessageRecord, Workspace } from './workspace.ts';

/** Slack cuts longer texts without an error. */
const MAX_TEXT = 40_000;
/** chat.update refuses what chat.postMessage would take; it counts bytes. */
const MAX_UPDATE_TEXT_BYTES = 4_000;
/** Undocumented limit over all blocks together (bolt-js issues 2509 and 2867). */
const MAX_BLOCK_TEXT = 13_200;

/** The methods that write and change messages. */
export function chatMethods(workspace: Workspace): Record<string, Method> {
  const method = (run: Method['run']): Method => ({ token: 'bot', scopes: ['chat:write'], run });
  return {
    'chat.postMessage': method((args) => postMessage(workspace, args)),
    'chat.postEphemeral': method((args) => postEphemeral(workspace, args)),
    'chat.update': method((args) => updateMessage(workspace, args)),
    'chat.delete': method((args) => deleteMessage(workspace, args)),
  };
}

function postMessage(workspace: Workspace, args: Args): Record<string, unknown> {
  const channel = channelToPost(workspace, requiredText(args, 'channel'));
  const content = readContent(args);
  const threadTs = stringOf(args.thread_ts);
  if (threadTs !== undefined && !isThread(workspace, channel, threadTs)) {
    throw new SlackRefusal('cannot_reply_to_message');
  }
  const message = addMessage(workspace, {
    channel,
    author: workspace.botUser.id,
    ...content,
    // Without a thread there is nothing to broadcast from, and Slack takes no notice of the wish.
    ...(threadTs === undefined ? {} : { threadTs, isBroadcast: isTrue(args.reply_broadcast) }),
  });
  return { channel, ts: message.ts, message: messageJson(workspace, message) };
}

function postEphemeral(workspace: Workspace, args: Args): Record<string, unknown> {
  const channel = requiredText(args, 'channel');
  if (!workspace.isConversation(channel)) throw new SlackRefusal('channel_not_found');
  checkMessagesTab(workspace, channel);
  const user = requiredText(args, 'user');
  const person = workspace.personOfDm(channel) ?? workspace.person(user);
  if (person?.id !== user) throw new SlackRefusal('user_not_in_channel');
  const threadTs = stringOf(args.thread_ts);
  const message = addMessage(workspace, {
    channel,
    author: workspace.botUser.id,
    ephemeralFor: user,
    ...readContent(args),
    ...(threadTs === undefined ? {} : { threadTs }),
  });
  return { message_ts: message.ts };
}

function updateMessage(workspace: Workspace, args: Args): Record<string, unknown> {
  const message = ownMessage(workspace, args, 'cant_update_message');
  const text = stringOf(args.text);
  if (text !== undefined && Buffer.byteLength(text) > MAX_UPDATE_TEXT_BYTES) throw new SlackRefusal('msg_too_long');
  if (isTrue(args.reply_broadcast)) {
    // Slack broadcasts an old reply as it is: new words need a call of their own.
    if (text !== undefined || args.blocks !== undefined) throw new SlackRefusal('no_dual_broadcast_content_update');
    broadcast(workspace, message);
    return updated(workspace, message);
  }
  const { blocks } = readContent(args);
  editMessage(workspace, message, {
    ...(text === undefined ? {} : { text }),
    // Without `blocks` the old ones stay; an empty list takes them away.
    ...(args.blocks === undefined ? {} : { blocks }),
  });
  return updated(workspace, message);
}

function broadcast(workspace: Workspace, message: MessageRecord): void {
  if (message.threadTs === undefined) throw new SlackRefusal('cant_broadcast_message');
  message.isBroadcast = true;
  workspace.changes.notify();
}

function updated(workspace: Workspace, message: MessageRecord): Record<string, unknown> {
  return {
    channel: message.channel,
    ts: message.ts,
    text: message.text,
    message: messageJson(workspace, message),
  };
}

function deleteMessage(workspace: Workspace, args: Args): Record<string, unknown> {
  const message = ownMessage(workspace, args, 'cant_delete_message');
  removeMessage(workspace, message);
  return { channel: message.channel, ts: message.ts };
}

/** Adds a message and tells everybody who waits. */
export function addMessage(
  workspace: Workspace,
  message: Pick<MessageRecord, 'channel' | 'author' | 'text' | 'blocks'> &
    Partial<Pick<MessageRecord, 'threadTs' | 'isBroadcast' | 'ephemeralFor' | 'clientMsgId' | 'files'>>,
): MessageRecord {
  const record: MessageRecord = {
    isBroadcast: false,
    earlier: [],
    files: [],
    reactions: new Map(),
    entered: new Map(),
    ...message,
    ts: workspace.nextTs(),
  };
  workspace.messages.push(record);
  workspace.changes.notify();
  return record;
}

/** Changes a message in its place. */
export function editMessage(
  workspace: Workspace,
  message: MessageRecord,
  change: { readonly text?: string; readonly blocks?: readonly Record<string, unknown>[] },
): void {
  message.earlier.push(message.blocks);
  if (change.text !== undefined) message.text = change.text;
  if (change.blocks !== undefined) message.blocks = change.blocks;
  message.editedTs = workspace.nextTs();
  delete message.notAckedActionId;
  workspace.changes.notify();
}

export function removeMessage(workspace: Workspace, message: MessageRecord): void {
  workspace.messages.splice(workspace.messages.indexOf(message), 1);
  workspace.changes.notify();
}

/** The text and blocks of a call, checked as strictly as Slack does. Throws SlackRefusal. */
export function readContent(args: Args): { text: string; blocks: readonly Record<string, unknown>[] } {
  const text = stringOf(args.text) ?? '';
  const blocks = readBlocks(args.blocks);
  if (text === '' && blocks.length === 0 && !Array.isArray(args.attachments)) throw new SlackRefusal('no_text');
  return { text: text.slice(0, MAX_TEXT), blocks };
}

/** The blocks of a call with ids everywhere; none when it has none. Throws SlackRefusal. */
export function readBlocks(value: unknown): readonly Record<string, unknown>[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw new SlackRefusal('invalid_blocks_format');
  const errors = blockErrors(value, 'message', '/blocks');
  if (errors.length > 0) {
    throw new SlackRefusal('invalid_blocks', {
      errors,
      response_metadata: { messages: errors.map((error) => `[ERROR] ${error}`) },
    });
  }
  if (blockTextLength(value) > MAX_BLOCK_TEXT) throw new SlackRefusal('msg_blocks_too_long');
  return withIds(value);
}

/** A conversation id as it is, or the conversation with a person, opened by posting to the user id. */
function channelToPost(workspace: Workspace, target: string): string {
  const channel = workspace.isConversation(target) ? target : workspace.dmOf(target);
  if (channel === undefined) throw new SlackRefusal('channel_not_found');
  checkMessagesTab(workspace, channel);
  return channel;
}

function checkMessagesTab(workspace: Workspace, channel: string): void {
  if (channel !== workspace.channel && !workspace.settings.messagesTabEnabled)
    throw new SlackRefusal('messages_tab_disabled');
}

/** Stricter than Slack, whose documentation only says to avoid the `ts` of a reply: a thread begins with a message that is none. */
export function isThread(workspace: Workspace, channel: string, threadTs: string): boolean {
  const parent = workspace.find(channel, threadTs);
  return parent !== undefined && parent.ephemeralFor === undefined && parent.threadTs === undefined;
}

/** The app's own message that a call means. Ephemeral ones are not kept, so Slack does not find them. */
function ownMessage(workspace: Workspace, args: Args, notYours: string): MessageRecord {
  const channel = requiredText(args, 'channel');
  if (!workspace.isConversation(channel)) throw new SlackRefusal('channel_not_found');
  const message = workspace.find(channel, requiredText(args, 'ts'));
  if (message === undefined || message.ephemeralFor !== undefined) throw new SlackRefusal('message_not_found');
  if (message.author !== workspace.botUser.id) throw new SlackRefusal(notYours);
  return message;
}
