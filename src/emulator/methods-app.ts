/** auth.*, apps.*, conversations.*, users.*, bots.*: who is who and what is where. */
import { blockErrors } from './blocks.ts';
import { recordOf, recordsOf } from './json.ts';
import { botProfile, messageJson } from './message-json.ts';
import type { SocketMode } from './socket-mode.ts';
import { type Args, type Method, requiredText, SlackRefusal } from './web-api.ts';
import type { Workspace } from './workspace.ts';

/** `socketUrl` turns a ticket into the address of the WebSocket. */
export function appMethods(
  workspace: Workspace,
  socketMode: SocketMode,
  urls: { readonly page: () => string; readonly socket: (ticket: string) => string },
): Record<string, Method> {
  const bot = (scopes: readonly string[], run: Method['run']): Method => ({ token: 'bot', scopes, run });
  return {
    'blocks.validate': bot([], (args) => {
      const blocks = Array.isArray(args.blocks) ? args.blocks : recordsOf(recordOf(args.message).blocks);
      const errors = blockErrors(blocks, 'message', '/blocks');
      if (errors.length > 0) throw new SlackRefusal('invalid_blocks', { errors });
      return {};
    }),
    'api.test': { token: 'any', scopes: [], run: (args) => ({ args }) },
    'auth.test': {
      token: 'any',
      scopes: [],
      run: (_args, kind) => ({
        url: urls.page(),
        team: 'Emulated',
        team_id: workspace.teamId,
        is_enterprise_install: false,
        ...(kind === 'app'
          ? { app_id: workspace.appId, app_name: workspace.botUser.realName }
          : { user: workspace.botUser.name, user_id: workspace.botUser.id, bot_id: workspace.botId }),
      }),
    },
    'apps.connections.open': {
      token: 'app',
      scopes: ['connections:write'],
      run: () => {
        if (!workspace.settings.socketModeEnabled) throw new SlackRefusal('link_disabled');
        return { url: urls.socket(socketMode.newTicket()) };
      },
    },
    'conversations.open': bot(['im:write', 'mpim:write', 'channels:manage', 'groups:write'], (args) =>
      openConversation(workspace, args),
    ),
    'conversations.replies': bot(['im:history', 'channels:history', 'groups:history', 'mpim:history'], (args) =>
      replies(workspace, args),
    ),
    'users.info': bot(['users:read'], (args) => userInfo(workspace, args)),
    'bots.info': bot(['users:read'], (args) => botInfo(workspace, args)),
  };
}

function openConversation(workspace: Workspace, args: Args): Record<string, unknown> {
  const users = requiredText(args, 'users').split(',');
  const [userId, ...more] = users;
  if (userId === undefined || more.length > 0) throw new SlackRefusal('missing_scope', { needed: 'mpim:write' });
  const channel = workspace.dmOf(userId);
  if (channel === undefined) throw new SlackRefusal('user_not_found');
  return { no_op: true, already_open: true, channel: { id: channel } };
}

function replies(workspace: Workspace, args: Args): Record<string, unknown> {
  const channel = requiredText(args, 'channel');
  if (workspace.personOfDm(channel) === undefined) throw new SlackRefusal('channel_not_found');
  const parent = workspace.find(channel, requiredText(args, 'ts'));
  if (parent === undefined || parent.ephemeralFor !== undefined) throw new SlackRefusal('thread_not_found');
  const root = parent.threadTs === undefined ? parent : (workspace.find(channel, parent.threadTs) ?? parent);
  const messages = [root, ...workspace.repliesTo(root)];
  return { messages: messages.map((message) => messageJson(workspace, message)), has_more: false };
}

function userInfo(workspace: Workspace, args: Args): Record<string, unknown> {
  const id = requiredText(args, 'user');
  const person = id === workspace.botUser.id ? workspace.botUser : workspace.person(id);
  if (person === undefined) throw new SlackRefusal('user_not_found');
  return {
    user: {
      id: person.id,
      team_id: workspace.teamId,
      name: person.name,
      real_name: person.realName,
      deleted: false,
      tz: 'Europe/Amsterdam',
      is_bot: person === workspace.botUser,
      profile: { real_name: person.realName, display_name: person.name },
    },
  };
}

function botInfo(workspace: Workspace, args: Args): Record<string, unknown> {
  if (requiredText(args, 'bot') !== workspace.botId) throw new SlackRefusal('bot_not_found');
  return { bot: botProfile(workspace) };
}
