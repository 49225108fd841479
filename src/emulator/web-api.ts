/** The Web API: who may call what, with which token, and what comes back. The methods themselves are in methods-*.ts. */
import type { EmulatedCall } from './emulator-types.ts';
import { isRecord, parseJson, recordOf, stringOf } from './json.ts';
import type { Workspace } from './workspace.ts';

/** A refusal in Slack's form: HTTP 200 with `{ok: false, error: code, ...extra}`. */
export class SlackRefusal extends Error {
  override readonly name = 'SlackRefusal';
  readonly code: string;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(code);
    this.code = code;
    this.extra = extra;
  }
}

export type Args = Readonly<Record<string, unknown>>;

/** One method of the Web API. */
export interface Method {
  readonly token: 'bot' | 'app' | 'any';
  /** Any one of these scopes is enough; the first is named as the needed one. */
  readonly scopes: readonly string[];
  /** Does the call and returns what goes next to `ok: true`. Throws SlackRefusal. */
  run(args: Args, tokenKind: EmulatedCall['tokenKind']): Record<string, unknown>;
}

export interface Answer {
  readonly tokenKind: EmulatedCall['tokenKind'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

/** Arguments that Slack takes as JSON text in a form body. */
const JSON_ARGS = ['blocks', 'view', 'message', 'attachments', 'metadata', 'files'];

/** What an app-level token may do; it has scopes of its own. */
const APP_SCOPES = ['connections:write'];

/** The arguments of a call from its body or query string. */
export function readArgs(contentType: string, body: string, query: URLSearchParams): Record<string, unknown> {
  const fromQuery = Object.fromEntries(query);
  if (contentType.startsWith('application/json')) {
    const parsed = body === '' ? {} : parseJson(body);
    if (!isRecord(parsed)) throw new SlackRefusal('invalid_json');
    return { ...fromQuery, ...parsed };
  }
  return { ...fromQuery, ...Object.fromEntries(new URLSearchParams(body)) };
}

/** Answers one call. Never throws for anything that a caller can send. */
export function answerCall(
  workspace: Workspace,
  methods: ReadonlyMap<string, Method>,
  name: string,
  token: string | undefined,
  args: Args,
): Answer {
  const tokenKind = kindOf(workspace, token);
  const method = methods.get(name);
  const headers = scopeHeaders(workspace, tokenKind, method);
  try {
    if (method === undefined) throw new SlackRefusal('unknown_method', { req_method: name });
    checkToken(workspace, tokenKind, method);
    return { tokenKind, headers, body: { ok: true, ...method.run(decodeJsonArgs(args), tokenKind) } };
  } catch (error) {
    if (!(error instanceof SlackRefusal)) throw error;
    return { tokenKind, headers, body: { ok: false, error: error.code, ...error.extra } };
  }
}

/** Which of the two tokens this is. A revoked one is still told apart: it is invalid all the same. */
function kindOf(workspace: Workspace, token: string | undefined): EmulatedCall['tokenKind'] {
  if (token === undefined || token === '') return 'none';
  if (token === workspace.botToken) return 'bot';
  return workspace.appTokens.includes(token) ? 'app' : 'unknown';
}

function checkToken(workspace: Workspace, kind: EmulatedCall['tokenKind'], method: Method): void {
  if (kind === 'none') throw new SlackRefusal('not_authed');
  if (kind === 'unknown' || workspace.revoked.has(kind)) throw new SlackRefusal('invalid_auth');
  if (method.token !== 'any' && method.token !== kind) throw new SlackRefusal('not_allowed_token_type');
  const granted = kind === 'bot' ? workspace.scopes : APP_SCOPES;
  const needed = method.scopes[0];
  if (needed !== undefined && !method.scopes.some((scope) => granted.includes(scope))) {
    throw new SlackRefusal('missing_scope', { needed, provided: granted.join(',') });
  }
}

function scopeHeaders(
  workspace: Workspace,
  kind: EmulatedCall['tokenKind'],
  method: Method | undefined,
): Record<string, string> {
  if ((kind !== 'bot' && kind !== 'app') || workspace.revoked.has(kind)) return {};
  const accepted = method?.scopes.join(',') ?? '';
  return {
    'x-oauth-scopes': (kind === 'bot' ? workspace.scopes : APP_SCOPES).join(','),
    ...(accepted === '' ? {} : { 'x-accepted-oauth-scopes': accepted }),
  };
}

function decodeJsonArgs(args: Args): Args {
  const decoded: Record<string, unknown> = { ...args };
  for (const name of JSON_ARGS) {
    const text = stringOf(decoded[name]);
    if (text === undefined) continue;
    const value = text === '' ? undefined : parseJson(text);
    if (value === undefined && text !== '')
      throw new SlackRefusal(name === 'blocks' ? 'invalid_blocks_format' : 'invalid_arguments');
    if (value === undefined) delete decoded[name];
    else decoded[name] = value;
  }
  return decoded;
}

/** The arguments as the call log keeps them: JSON decoded where it is JSON, the token left out. */
export function loggableArgs(args: Args): Record<string, unknown> {
  const { token: _token, ...rest } = args;
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => {
      const text = JSON_ARGS.includes(name) ? stringOf(value) : undefined;
      return [name, text === undefined ? value : (parseJson(text) ?? text)];
    }),
  );
}

/** A required text argument. Throws invalid_arguments, naming it as Slack does. */
export function requiredText(args: Args, name: string): string {
  const value = stringOf(args[name]);
  if (value === undefined || value === '') {
    throw invalidArguments(`missing required field: ${name}`);
  }
  return value;
}

export function invalidArguments(...messages: string[]): SlackRefusal {
  return new SlackRefusal('invalid_arguments', {
    response_metadata: { messages: messages.map((message) => `[ERROR] ${message}`) },
  });
}

/** The `metadata` of a refusal as a caller's error would show it; used where a refusal is not a Web API answer. */
export function refusalText(error: SlackRefusal): string {
  const messages = recordOf(error.extra.response_metadata).messages;
  return Array.isArray(messages) ? `${error.code}: ${messages.join('; ')}` : error.code;
}
