/** Every failure the program knows: its exit code and what the user can do about it. */

/** Exit codes from sysexits.h; never 1 or 2 outside hook mode, because agents give those a meaning. */
const EXIT = {
  usage: 64,
  data: 65,
  unavailable: 69,
  software: 70,
  tempfail: 75,
  noPermission: 77,
  config: 78,
} as const;

interface ErrorEntry {
  /** The process's exit code outside hook mode. */
  readonly exit: number;
  /** What to do, as one imperative sentence. */
  readonly hint: string;
}

/** The catalogue. README lists exactly these codes (a test compares them). */
export const ERRORS = {
  usage: { exit: EXIT.usage, hint: 'Run claude-slack-hook --help for the options.' },
  'bad-input': { exit: EXIT.data, hint: 'Pipe one JSON object from an agent hook to stdin.' },
  'input-too-large': { exit: EXIT.data, hint: 'Answer this one at the terminal, or raise --max-input.' },
  'missing-config': {
    exit: EXIT.config,
    hint: 'Set SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_USER_ID, or write them to the config file.',
  },
  'bad-config': { exit: EXIT.config, hint: 'Correct the setting named in the message.' },
  'bad-settings': {
    exit: EXIT.config,
    hint: 'Correct the file named in the message, or add the hooks by hand: setup --dry-run shows them.',
  },
  keychain: {
    exit: EXIT.noPermission,
    hint: 'Unlock the keychain, or run claude-slack-hook setup again; with --no-keychain the tokens go into the config file.',
  },
  stopped: { exit: EXIT.tempfail, hint: 'Nothing further was changed; run claude-slack-hook setup again at any time.' },
  'config-mode': { exit: EXIT.noPermission, hint: 'Make the config file private: chmod 600 FILE.' },
  'bad-token': {
    exit: EXIT.config,
    hint: 'The bot token starts with xoxb-, the app token with xapp-; copy them again from the Slack app page.',
  },
  'runtime-too-old': {
    exit: EXIT.software,
    hint: 'Use Bun 1.4.4 or newer: older ones drop the Slack connection every 1.7 s. Run npm ci.',
  },
  'socket-dir': {
    exit: EXIT.noPermission,
    hint: 'Remove the directory named in the message, or point TMPDIR at a private one.',
  },
  'state-dir': {
    exit: EXIT.noPermission,
    hint: 'Make what the message names yours alone and writable, or point XDG_STATE_HOME at another directory.',
  },
  'daemon-start': {
    exit: EXIT.unavailable,
    hint: 'Run claude-slack-hook --test, and look into the log that --status names.',
  },
  'daemon-timeout': {
    exit: EXIT.tempfail,
    hint: 'Run claude-slack-hook --status; if it does not answer, claude-slack-hook --stop.',
  },
  'daemon-gone': {
    exit: EXIT.tempfail,
    hint: 'Run claude-slack-hook --status; the next hook call starts a new daemon.',
  },
  'too-many': {
    exit: EXIT.tempfail,
    hint: 'Answer what is pending, or run claude-slack-hook --stop.',
  },
  'daemon-stopping': { exit: EXIT.tempfail, hint: 'Run it again: the next call starts a new daemon.' },
  'daemon-mismatch': {
    exit: EXIT.tempfail,
    hint: 'Run claude-slack-hook --stop; the next hook call starts a daemon with the current settings.',
  },
  protocol: { exit: EXIT.software, hint: 'Send one HookInput JSON object per line to the socket.' },
  'slack-auth': {
    exit: EXIT.noPermission,
    hint: 'Slack rejected a token; reinstall the app and copy the tokens again, then run claude-slack-hook --test.',
  },
  'slack-scope': {
    exit: EXIT.noPermission,
    hint: 'Add the missing scope under OAuth & Permissions, reinstall the app, and copy the new token.',
  },
  'slack-config': {
    exit: EXIT.config,
    hint: 'Run claude-slack-hook --test: it names the setting of the Slack app to change.',
  },
  'slack-unreachable': {
    exit: EXIT.unavailable,
    hint: 'Check the network and the proxy, then run claude-slack-hook --test.',
  },
  'slack-rejected': {
    exit: EXIT.unavailable,
    hint: 'Slack did not accept the message; answer this one at the terminal and look into the log.',
  },
  'slack-rate-limited': {
    exit: EXIT.tempfail,
    hint: 'Slack asks to wait longer than this request may; answer this one at the terminal.',
  },
  audit: {
    exit: EXIT.unavailable,
    hint: 'Free disk space or repair the directory named in the message: without a record nothing is allowed.',
  },
  store: {
    exit: EXIT.unavailable,
    hint: 'Look at what the message names: the directory and its disk, or the PostgreSQL server and its DATABASE_URL.',
  },
  'store-busy': {
    exit: EXIT.tempfail,
    hint: 'Another collector writes there: stop it, or choose another JSONL_PATH.',
  },
  'collector-unreachable': {
    exit: EXIT.tempfail,
    hint: 'Start the collector, or correct HOOK_BACKEND_URL; what waits is sent when it answers again.',
  },
  'collector-refused': {
    exit: EXIT.unavailable,
    hint: 'Compare HOOK_API_KEY and HOOK_BACKEND_URL with those of the collector.',
  },
  'audit-broken': {
    exit: EXIT.data,
    hint: 'Find out who changed the audit log at the place named.',
  },
  'click-timeout': {
    exit: EXIT.unavailable,
    hint: 'Nobody pressed a button in time; look for the card under Apps in Slack and run it again.',
  },
  'not-stopped': { exit: EXIT.unavailable, hint: 'Look at the process named in the message and end it yourself.' },
  internal: { exit: EXIT.software, hint: 'This is a bug in claude-slack-hook; please report it with the log.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Slack's tokens, which stand in a message when somebody gave one in the place of something else. */
const TOKEN = /x(?:ox[a-z]|app|oxe\.xox[a-z])-[A-Za-z0-9-]+/g;

/** A failure with a code from the catalogue. The message says what happened: "expected X, got Y". */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  /** Replaces the catalogue's hint where the thrower knows better. */
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message.replaceAll(TOKEN, '[redacted]'), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** A code that came over a wire, or the fallback when it is not in the catalogue. */
export function knownCode(code: string, fallback: ErrorCode): ErrorCode {
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : fallback;
}

/** Any thrown value as an AppError; what we did not foresee becomes `internal`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}

/** What `work` gives, or why it gives nothing. */
export function attempt<T>(work: () => T): T | AppError {
  try {
    return work();
  } catch (error) {
    return toAppError(error);
  }
}

/** The three lines a user sees: what happened, what to do, the code. */
export function explain(error: AppError): string {
  return `claude-slack-hook: ${oneLine(error.message)}\nhint: ${oneLine(error.hint)}\ncode: ${error.code}\n`;
}

/** A text with line breaks and control characters made visible, so that it cannot forge a second line. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}
