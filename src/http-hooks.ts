/** What Claude Code's settings hold to have the daemon asked over HTTP. */
import { HTTP_PATH } from './http-door.ts';

/** The variable that Claude Code takes the token from, when its settings do not hold it. */
export const HTTP_TOKEN_VARIABLE = 'CLAUDE_SLACK_HOOK_TOKEN';

export interface HttpHooksOptions {
  /** The daemon's `--http`. */
  readonly port: number;
  /** Written into the settings, which must then be a file of mode 0600. Without it Claude Code takes it from its environment. */
  readonly token?: string | undefined;
  /** The program, as a shell is to be told it. */
  readonly command?: string;
  /** The tools about which PreToolUse asks. */
  readonly matcher?: string;
  /** Of a hook, in seconds; above our deadline. */
  readonly timeout?: number;
}

export interface HttpHook {
  readonly type: 'http';
  readonly url: string;
  /** Seconds. */
  readonly timeout: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowedEnvVars?: readonly string[];
}

export interface CommandHook {
  readonly type: 'command';
  readonly command: string;
  /** Seconds. */
  readonly timeout: number;
}

/** The value of `hooks` in Claude Code's settings. */
export type HookSettings = Readonly<
  Record<string, readonly { readonly matcher?: string; readonly hooks: readonly (HttpHook | CommandHook)[] }[]>
>;

/** Claude Code's own for most events, in seconds, and above our default deadline; said all the same, because two events have less. */
const TIMEOUT = 600;
/** The start of the daemon takes no longer than 1.5 s. */
const ENSURE_TIMEOUT = 10;

/** SessionStart does not come over HTTP (seen on 2.1.197), so there a command sees to it that the daemon runs. */
export function httpHooks({
  port,
  token,
  command = 'claude-slack-hook',
  matcher = 'Bash|Write|Edit|MultiEdit|NotebookEdit',
  timeout = TIMEOUT,
}: HttpHooksOptions): HookSettings {
  const hook: HttpHook = {
    ...{ type: 'http', url: `http://127.0.0.1:${port}${HTTP_PATH}`, timeout },
    headers: { Authorization: `Bearer ${token ?? `$${HTTP_TOKEN_VARIABLE}`}` },
    ...(token === undefined ? { allowedEnvVars: [HTTP_TOKEN_VARIABLE] } : {}),
  };
  const start: CommandHook = { type: 'command', command: `${command} ensure --http ${port}`, timeout: ENSURE_TIMEOUT };
  return {
    SessionStart: [{ hooks: [start] }],
    PreToolUse: [{ matcher, hooks: [hook] }],
    PermissionRequest: [{ matcher: '*', hooks: [hook] }],
    PostToolUse: [{ matcher: '*', hooks: [hook] }],
    PostToolUseFailure: [{ matcher: '*', hooks: [hook] }],
    Stop: [{ hooks: [hook] }],
    UserPromptSubmit: [{ hooks: [hook] }],
    SessionEnd: [{ hooks: [hook] }],
  };
}
