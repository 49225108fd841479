/** Messages and files as the Web API and payloads write them. */
import type { FileRecord, MessageRecord, Workspace } from './workspace.ts';

/** How much of a file its preview shows. */
const PREVIEW_LINES = 5;

/** A message with everything that Slack adds: its thread, files and reactions. */
export function messageJson(workspace: Workspace, record: MessageRecord): Record<string, unknown> {
  const isOwn = record.author === workspace.botUser.id;
  return {
    type: 'message',
    ...(record.isBroadcast ? { subtype: 'thread_broadcast' } : {}),
    user: record.author,
    ts: record.ts,
    text: record.text,
    team: workspace.teamId,
    ...(record.clientMsgId === undefined ? {} : { client_msg_id: record.clientMsgId }),
    ...(isOwn ? { bot_id: workspace.botId, app_id: workspace.appId, bot_profile: botProfile(workspace) } : {}),
    ...(record.blocks.length > 0 ? { blocks: record.blocks } : {}),
    ...threadJson(workspace, record),
    ...(record.editedTs === undefined ? {} : { edited: { user: record.author, ts: record.editedTs } }),
    ...(record.files.length > 0 ? { files: record.files.map((file) => fileJson(workspace, file)) } : {}),
    ...(record.reactions.size > 0 ? { reactions: reactionsJson(record) } : {}),
  };
}

/** A reply names its parent, a broadcast one shows it; a parent counts its replies. */
function threadJson(workspace: Workspace, record: MessageRecord): Record<string, unknown> {
  if (record.threadTs !== undefined) {
    const parent = workspace.find(record.channel, record.threadTs);
    return {
      thread_ts: record.threadTs,
      ...(parent === undefined ? {} : { parent_user_id: parent.author }),
      ...(record.isBroadcast && parent !== undefined ? { root: messageJson(workspace, parent) } : {}),
    };
  }
  const replies = workspace.repliesTo(record);
  const latest = replies.at(-1);
  if (latest === undefined) return {};
  const users = [...new Set(replies.map((reply) => reply.author))];
  return {
    thread_ts: record.ts,
    reply_count: replies.length,
    reply_users_count: users.length,
    latest_reply: latest.ts,
    reply_users: users,
    is_locked: false,
    subscribed: true,
  };
}

export function botProfile(workspace: Workspace): Record<string, unknown> {
  return {
    id: workspace.botId,
    app_id: workspace.appId,
    user_id: workspace.botUser.id,
    name: workspace.botUser.realName,
    deleted: false,
    team_id: workspace.teamId,
  };
}

/** A file as files.info and messages show it. Its addresses lead nowhere. */
export function fileJson(workspace: Workspace, file: FileRecord): Record<string, unknown> {
  const lines = file.content.split('\n');
  const home = `https://emulated.slack.invalid/files/${workspace.botUser.id}/${file.id}/${encodeURIComponent(file.name)}`;
  const shares = file.shares.map(({ channel, ts }) => {
    const { threadTs } = workspace.find(channel, ts) ?? {};
    return [
      channel,
      [{ ts, ...(threadTs === undefined ? {} : { thread_ts: threadTs }), share_user_id: workspace.botUser.id }],
    ];
  });
  return {
    id: file.id,
    created: file.createdAt,
    timestamp: file.createdAt,
    name: file.name,
    title: file.title,
    mimetype: 'text/plain',
    filetype: file.snippetType ?? 'text',
    user: workspace.botUser.id,
    user_team: workspace.teamId,
    editable: true,
    size: file.length,
    mode: 'snippet',
    is_external: false,
    is_public: false,
    url_private: home,
    permalink: home,
    preview: lines.slice(0, PREVIEW_LINES).join('\n'),
    lines: lines.length,
    lines_more: Math.max(0, lines.length - PREVIEW_LINES),
    channels: [],
    groups: [],
    ims: file.shares.map(({ channel }) => channel),
    shares: { private: Object.fromEntries(shares) },
  };
}

export function reactionsJson(record: MessageRecord): Record<string, unknown>[] {
  return [...record.reactions].map(([name, users]) => ({ name, users: [...users], count: users.size }));
}
