/** What to change when Slack refuses, for each of its codes that people meet while setting up. */
import type { AppError } from '../errors.ts';

const FIXES: Readonly<Record<string, string>> = {
  invalid_auth:
    'Copy the token again from the Slack app page; if your workspace allows only certain networks, use one of them.',
  not_authed: 'Give the token: Slack got none.',
  account_inactive: 'The app or its user was deactivated: install the app to the workspace again.',
  token_revoked: 'The app was uninstalled: install it again and copy the new token.',
  token_expired: 'Token rotation is on: switch it off in the app’s settings and install the app again.',
  not_allowed_token_type:
    'The tokens are swapped or of the wrong kind: --bot-token takes xoxb-, --app-token takes xapp-.',
  missing_scope:
    'Add the scope under OAuth & Permissions (chat:write for the bot) or Basic Information > App-Level Tokens (connections:write), and copy the new token.',
  channel_not_found:
    'Check the user id: Slack profile > ⋮ > Copy member ID, from the workspace that the app is installed in.',
  user_not_found:
    'Check the user id: Slack profile > ⋮ > Copy member ID, from the workspace that the app is installed in.',
  user_disabled: 'That person’s account is deactivated: name another --user-id.',
  messages_tab_disabled: 'Switch the Messages tab on under App Home.',
  cannot_dm_bot: 'The user id belongs to a bot: name a person.',
  link_disabled: 'Switch Socket Mode on under Settings > Socket Mode.',
  access_denied: 'An admin of the workspace has to approve the app.',
  team_access_not_granted: 'Install the app to this workspace.',
  restricted_action: 'A setting of the workspace forbids the message: ask an admin.',
  invalid_blocks: 'This is a bug in claude-slack-hook; please report it with the log.',
};

/** The fix for Slack's code in the message of an error, else the error's own hint. */
export function fixFor(error: AppError, slackCode: string | undefined): string {
  return (slackCode !== undefined && Object.hasOwn(FIXES, slackCode) ? FIXES[slackCode] : undefined) ?? error.hint;
}
