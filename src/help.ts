/** The words of --help and of the README's table of options; a hook call does not load them. */
import { type Flag, type Option, TABLE } from './options.ts';
import { VERB_TABLE, type VerbName } from './verbs.ts';

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
  http: "Also answer Claude Code's http hooks and show the record of events, on this port of 127.0.0.1 (off by default); then the daemon does not end by itself",
  'only-screen-lock': 'Ask in Slack only while the screen is locked',
  'lock-command': 'Shell command that tells whether the screen is locked: exit 0 yes, 1 no',
  'api-url': 'Base of the Slack Web API (emulator, gateway)',
  observe: 'Only tell a running daemon of the event; never ask and never wait',
  test: 'Check the tokens and the connection, post a test card and wait for a click',
  'no-wait': 'With --test: post the card, do not wait for the click',
  status: 'As the verb status',
  stop: 'As the verb stop',
  help: 'Show this text',
  version: 'Show the version',
};

export interface VerbOption {
  /** The placeholder of its value; absent for a switch. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbHelp {
  /** What follows the program's name. */
  readonly usage: readonly string[];
  readonly help: string;
  /** Of this verb alone, by long flag. */
  readonly options?: Readonly<Record<string, VerbOption>>;
}

const LINES_OF_JSON = 'One JSON object a line';

/** The words about verbs, in the order in which they are shown. */
export const VERB_HELP: Readonly<Record<VerbName, VerbHelp>> = {
  status: {
    usage: ['status [--json]'],
    help: 'Say what the daemon is doing, what waits and for how long, and what went wrong last',
    options: { json: { help: 'One JSON object; times in milliseconds' } },
  },
  stop: { usage: ['stop'], help: 'Stop the daemon; pending requests get the failure answer' },
  restart: {
    usage: ['restart'],
    help: 'Have the daemon make room for a new one with the options given here; pending requests go on',
  },
  logs: {
    usage: ['logs [-f] [-n N] [--json]'],
    help: "Show the daemon's log",
    options: {
      follow: { help: 'Go on with what is written from now on, also when the file is rotated' },
      lines: { value: 'N', help: 'Begin with the last N lines; 100 by default' },
      json: { help: LINES_OF_JSON },
    },
  },
  ensure: {
    usage: ['ensure [--http PORT]'],
    help: 'Start the daemon when none runs (or none with this --http); for a SessionStart hook: prints nothing, exit 0',
  },
  history: {
    usage: [
      'history [--since 2h|2026-11-20] [--session ID] [--tool NAME*] [--outcome KIND]\n        [--approver ID] [--limit N] [--json|--csv]',
      'history verify',
    ],
    help: 'List requests and how they ended; history verify: check that the audit log is what was written',
    options: {
      since: { value: 'TIME', help: 'Requests of the last 2h, or from a day such as 2026-11-20 on' },
      session: { value: 'ID', help: 'Of the session whose id begins like this' },
      tool: { value: 'NAME', help: 'For this tool; * stands for anything' },
      outcome: { value: 'KIND', help: 'That ended like this' },
      approver: { value: 'ID', help: 'That this person has answered' },
      limit: { value: 'N', help: 'The last N; 50 by default' },
      json: { help: LINES_OF_JSON },
      csv: { help: 'A table for spreadsheets' },
    },
  },
  doctor: {
    usage: ['doctor [--json] [--quick]'],
    help: 'Check program, config, tokens, Slack, daemon, hooks and machine, and name the fix for what is wrong',
    options: {
      json: { help: 'One JSON document' },
      quick: { help: 'Do not hold a connection to Slack for 8 s' },
    },
  },
  rules: {
    usage: ['rules test < hook-input.json'],
    help: 'Say which rule of the config file decides about this input, and why',
  },
  send: {
    usage: [
      'send [--events A,B] [--tools Bash,mcp__*] [--no-enrich] [--url URL]\n        [--project NAME] < hook-input.json',
      'send --replay [--url URL]',
    ],
    help: "Post a hook's event to a collector (HOOK_BACKEND_URL, HOOK_API_KEY); never holds up the agent: exit 0 whatever happens",
    options: {
      events: { value: 'NAMES', help: 'Only events of these names; * stands for anything' },
      tools: { value: 'NAMES', help: 'Of events with a tool only those of these tools' },
      'no-enrich': { help: 'Add neither session_name nor custom_metadata' },
      url: { value: 'URL', help: 'Where to, in place of HOOK_BACKEND_URL; http://localhost:3030/events by default' },
      project: { value: 'NAME', help: 'The name of the project, in place of that of its directory' },
      replay: { help: 'Read no event; send what waits from when the collector was down' },
    },
  },
  demo: {
    usage: ['demo [--auto] [--port N]'],
    help: 'Show the whole loop against a local Slack, without an account',
    options: {
      auto: { help: 'Press the buttons by itself' },
      port: { value: 'N', help: 'Port of the page' },
    },
  },
  setup: {
    usage: [
      'setup [--agent NAME,…] [--scope user|project|local] [--mode dialog|every-call]\n        [--transport command|http] [--yes] [--dry-run]\n        [--no-open] [--no-keychain]',
      'setup manifest',
      'setup uninstall [--agent NAME,…] [--dry-run]',
    ],
    help: 'From nothing to hooks that ask: Slack app, tokens, who is asked, agents; setup uninstall takes the hooks out again',
    options: {
      scope: { value: 'SCOPE', help: 'Whose settings: user (by default), project or local' },
      mode: {
        value: 'MODE',
        help: 'dialog: when the agent would ask; every-call: before every call that changes something',
      },
      transport: { value: 'KIND', help: 'command, or http: Claude Code posts to the daemon; see docs/http.md' },
      yes: { help: 'Ask nothing' },
      'dry-run': { help: 'Show what would be written, and write nothing' },
      'no-open': { help: 'Do not open a browser' },
      'no-keychain': { help: 'Write the tokens into the config file, of mode 0600' },
    },
  },
  collect: {
    usage: ['collect [--port N] [--host HOST] [--storage KIND] [--jsonl-path FILE]'],
    help: 'Take hook events over HTTP, keep them and show them: a collector with a dashboard; see docs/collector.md',
    options: {
      port: { value: 'N', help: 'Where it listens (env PORT, default 3030)' },
      host: { value: 'HOST', help: 'An address of this machine (env HOST, default 127.0.0.1)' },
      storage: { value: 'KIND', help: 'postgres, jsonl, or auto: postgres with DATABASE_URL (env STORAGE_TYPE)' },
      'jsonl-path': {
        value: 'FILE',
        help: 'The events of jsonl (env JSONL_PATH, default .agentic/analytics/events.jsonl)',
      },
      'allow-host': { value: 'NAME,…', help: 'Names it may be reached by, beside addresses and localhost' },
      rate: { value: 'N', help: 'Events a second for each key; without it as many as come' },
      'tls-cert': { value: 'FILE', help: 'Certificate, in PEM' },
      'tls-key': { value: 'FILE', help: 'Its private key' },
      'behind-proxy': { help: 'A proxy has TLS (env BEHIND_PROXY=1)' },
    },
  },
  keys: {
    usage: [
      'keys create [--name NAME] [--scope ingest,read,admin] [--project NAME] [--rate N]',
      'keys list [--json]',
      'keys revoke ID',
    ],
    help: "The collector's keys: create prints one, once; list shows what there are; revoke ends one",
    options: {
      name: { value: 'NAME', help: 'What it is for' },
      scope: {
        value: 'SCOPES',
        help: 'ingest, read, admin (beside ingest: may also tell of approvals); ingest,read by default',
      },
      project: { value: 'NAME', help: 'All its events are of this project, and it reads no other' },
      rate: { value: 'N', help: 'Events a second' },
      id: { value: 'ID', help: 'The key to revoke, as the word behind revoke' },
      json: { help: 'One JSON object' },
    },
  },
  retention: {
    usage: ['retention [--dry-run] [--json]'],
    help: 'Delete the events that are older than the config file says; a running collector does it every hour',
    options: {
      'dry-run': { help: 'Say what would be deleted' },
      storage: { value: 'KIND', help: 'As for collect' },
      'jsonl-path': { value: 'FILE', help: 'As for collect' },
      json: { help: 'One JSON object' },
    },
  },
  completion: { usage: ['completion bash|zsh|fish'], help: 'Print the completion for this shell' },
  man: { usage: ['man'], help: 'Print the manual page, for `man -l`' },
  daemon: {
    usage: ['daemon'],
    help: 'Run the daemon in the foreground (with __CLAUDE_SLACK_SERVER__=1); hooks start it by themselves',
  },
};

export const SUMMARY =
  'Asks a person in Slack before a coding agent runs a tool, and prints the decision for the agent.';
export const CONFIG_FILE = '$XDG_CONFIG_HOME/claude-slack-hook/config.json';
const LEFT_WIDTH = 34;

/** The text of --help. */
export function helpText(): string {
  const lines = TABLE.map((option) => row(`${shortOf(option.alias)}--${withValue(option.flag, option.value)}`, option));
  return [
    'Usage: claude-slack-hook [options] < hook-input.json',
    ...usages().map((usage) => `       claude-slack-hook ${usage}`),
    '',
    SUMMARY,
    '',
    'Options (flag, else config file, else environment, else default):',
    ...lines,
    '',
    'Verbs:',
    ...Object.entries(VERB_HELP).flatMap(([name, { help, options = {} }]) => [
      `  ${name.padEnd(LEFT_WIDTH - 2)}${help}`,
      ...Object.entries(options).map(
        ([flag, { value, help: about }]) =>
          `${`    ${shortOf(aliasOf(name, flag))}--${withValue(flag, value)}`.padEnd(LEFT_WIDTH)}${about}`,
      ),
    ]),
    '',
    `Config file: ${CONFIG_FILE} (mode 0600)`,
    '',
  ].join('\n');
}

function usages(): readonly string[] {
  return Object.values(VERB_HELP)
    .flatMap(({ usage }) => usage)
    .map((usage) => usage.replace(/\n +/g, '\n                                 '));
}

function row(left: string, option: Option): string {
  return `${`  ${left}`.padEnd(LEFT_WIDTH)}${helpOf(option)}${sources(option)}`;
}

function shortOf(alias: string | undefined): string {
  return alias === undefined ? '    ' : `-${alias}, `;
}

export function withValue(flag: string, value: string | undefined): string {
  return value === undefined ? flag : `${flag} ${value}`;
}

/** The letter that stands for a verb's own flag. */
export function aliasOf(verb: string, flag: string): string | undefined {
  const { aliases = {} } = VERB_TABLE[verb as VerbName];
  return Object.keys(aliases).find((letter) => aliases[letter] === flag);
}

/** What an option does. TABLE has the same options as the record, in a wider type. */
export function helpOf({ flag }: Option): string {
  return Object.entries(HELP).find(([name]) => name === flag)?.[1] ?? '';
}

/** Where its value comes from when it is not given, in brackets; empty where it comes from nowhere. */
export function sources(option: Option): string {
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
