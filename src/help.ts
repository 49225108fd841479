/** The words of --help and of the README's table of options; a hook call does not load them. */
import { type Flag, type Option, TABLE, type VERBS } from './options.ts';

const HELP: Readonly<Record<Flag, string>> = {
  'bot-token': 'Slack bot token',
  'app-token': 'Slack app-level token with connections:write',
  'user-id': 'Slack user who is asked; several ids separated by commas each get the card, and any of them may answer',
  agent: 'Whose hook this is: claude, codex, cursor, gemini or opencode; by default what the payload tells',
  config: 'The config file, in place of the one in $XDG_CONFIG_HOME; an absolute path',
  'log-level': 'fatal, error, warn, info, debug, trace or silent',
  'on-failure': 'What a call that would be asked about or blocked is told when nobody could decide',
  deadline: 'How long a request waits for a person; keep it below the timeout of the hook',
  'max-input': 'A hook input that is larger gets the failure answer; `512k`, `2m`, at most 64m',
  idle: 'The daemon ends after this time without a pending request; not with --http',
  threads: 'Cards of one session are replies in a thread of its own',
  broadcast: 'Cards in threads are also sent to the conversation itself, where every one notifies',
  'stop-reply':
    'When the agent stops, wait this long for a reply in Slack that sends it on (Stop hook; off by default)',
  http: "Also answer Claude Code's http hooks, on this port of 127.0.0.1 (off by default); then the daemon does not end by itself",
  'only-screen-lock': 'Ask in Slack only while the screen is locked',
  'lock-command': 'Shell command that tells whether the screen is locked: exit 0 yes, 1 no',
  'api-url': 'Base of the Slack Web API (emulator, gateway)',
  observe: 'Only tell a running daemon of the event; never ask and never wait',
  test: 'Check the tokens and the connection, post a test card and wait for a click',
  'no-wait': 'With --test: post the card, do not wait for the click',
  status: 'Say what the daemon is doing',
  stop: 'Stop the daemon; pending requests get the failure answer',
  help: 'Show this text',
  version: 'Show the version',
};

const VERB_HELP: Readonly<Record<keyof typeof VERBS, string>> = {
  daemon: 'Run the daemon in the foreground (with __CLAUDE_SLACK_SERVER__=1); hooks start it by themselves',
  ensure: 'Start the daemon when none runs (or none with this --http); for a SessionStart hook: prints nothing, exit 0',
  rules: 'rules test < hook-input.json: say which rule of the config file decides, and why',
  history: 'List requests and how they ended; history verify: check that the audit log is what was written',
  demo: 'Show the whole loop against a local Slack, without an account',
  setup:
    'From nothing to hooks that ask: Slack app, tokens, who is asked, agents; setup uninstall takes the hooks out again',
};

/** The text of --help. */
export function helpText(): string {
  const lines = TABLE.map((option) => {
    const alias = option.alias === undefined ? '    ' : `-${option.alias}, `;
    const left = `  ${alias}--${option.flag}${option.value === undefined ? '' : ` ${option.value}`}`;
    return `${left.padEnd(34)}${helpOf(option)}${sources(option)}`;
  });
  const verbs = Object.entries(VERB_HELP).map(([name, help]) => `  ${name.padEnd(32)}${help}`);
  return [
    'Usage: claude-slack-hook [options] < hook-input.json',
    '       claude-slack-hook ensure [--http PORT]',
    '       claude-slack-hook rules test < hook-input.json',
    '       claude-slack-hook history [--since 2h|2026-11-20] [--session ID] [--tool NAME*] [--outcome KIND]',
    '                                 [--approver ID] [--limit N] [--json|--csv]',
    '       claude-slack-hook history verify',
    '       claude-slack-hook demo [--auto] [--port N]',
    '       claude-slack-hook setup [--agent NAME,…] [--scope user|project|local] [--mode dialog|every-call]',
    '                               [--yes] [--dry-run] [--no-open]',
    '       claude-slack-hook setup manifest | setup uninstall [--agent NAME,…] [--dry-run]',
    '',
    'Asks a person in Slack before a coding agent runs a tool, and prints the decision for the agent.',
    '',
    'Options (flag, else config file, else environment, else default):',
    ...lines,
    '',
    'Verbs:',
    ...verbs,
    '',
    'Config file: $XDG_CONFIG_HOME/claude-slack-hook/config.json (mode 0600)',
    '',
  ].join('\n');
}

/** TABLE has the same options as the record, in a wider type. */
function helpOf({ flag }: Option): string {
  return Object.entries(HELP).find(([name]) => name === flag)?.[1] ?? '';
}

function sources(option: Option): string {
  const parts = [
    option.env === undefined ? undefined : `env ${option.env}`,
    option.key === undefined ? undefined : `key ${option.key}`,
    option.fallback === undefined ? undefined : `default ${option.fallback}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** The options as a Markdown table, for the README. */
export function optionsTable(): string {
  const rows = TABLE.map((option) => {
    const flag = `\`--${option.flag}${option.value === undefined ? '' : ` ${option.value.replaceAll('|', '\\|')}`}\``;
    const cells = [
      option.alias === undefined ? flag : `${flag}, \`-${option.alias}\``,
      option.env === undefined ? '' : `\`${option.env}\``,
      option.key === undefined ? '' : `\`${option.key}\``,
      option.fallback === undefined ? '' : `\`${option.fallback}\``,
      helpOf(option),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| option | environment | config key | default | what it does |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
