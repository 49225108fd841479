/** The Slack app that a person has to make: its manifest, and the page that makes it. */

/** Bot scopes, what each is for, and the event that goes with it. Only the first is needed. */
export const SCOPES = [
  { scope: 'chat:write', use: 'shows the cards' },
  { scope: 'files:write', use: 'attaches what is too long for a message' },
  { scope: 'im:history', event: 'message.im', use: 'hears ok and no in threads' },
  { scope: 'reactions:read', event: 'reaction_added', use: 'hears 👍 and 👎' },
] as const;

/** The manifest in YAML, as Slack's *From a manifest* takes it. */
export function manifest(): string {
  const scopes = SCOPES.map(({ scope }) => `      - ${scope}`);
  const events = SCOPES.flatMap((each) => ('event' in each ? [`      - ${each.event}`] : []));
  return [
    'display_information:',
    '  name: Claude Approval',
    'features:',
    '  app_home:',
    '    home_tab_enabled: false',
    '    messages_tab_enabled: true',
    '    messages_tab_read_only_enabled: false',
    '  bot_user:',
    '    display_name: claude-approval',
    '    always_online: false',
    'oauth_config:',
    '  scopes:',
    '    bot:',
    ...scopes,
    'settings:',
    '  event_subscriptions:',
    '    bot_events:',
    // Who opens the app's messages is known from then on: setup finds the person's id by it. It needs no scope.
    '      - app_home_opened',
    ...events,
    '  interactivity:',
    '    is_enabled: true',
    '  socket_mode_enabled: true',
    '  org_deploy_enabled: false',
    '  token_rotation_enabled: false',
    '',
  ].join('\n');
}

/** Slack's page for a new app, with the manifest filled in. */
export function creationLink(): string {
  return `https://api.slack.com/apps?new_app=1&manifest_yaml=${encodeURIComponent(manifest())}`;
}
