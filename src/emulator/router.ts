/** Which path leads where. */
import type { Fault } from './emulator-types.ts';
import type { Faults } from './faults.ts';
import type { HttpOutcome, HttpReply, HttpRequest } from './http-server.ts';
import { stringOf } from './json.ts';
import { receiveUpload } from './methods-files.ts';
import { useResponseUrl } from './response-url.ts';
import { type Answer, answerCall, loggableArgs, type Method, readArgs, SlackRefusal } from './web-api.ts';
import type { Workspace } from './workspace.ts';

export const PATHS = { api: '/api/', upload: '/upload/v1/', response: '/actions/', socket: '/link/' } as const;

const PROXY_PAGE = '<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>';

/** Creates the handler of all HTTP requests; what is not the app's side goes to `page`. */
export function createRouter(
  workspace: Workspace,
  methods: ReadonlyMap<string, Method>,
  faults: Faults,
  page: (request: HttpRequest) => Promise<HttpOutcome>,
): (request: HttpRequest) => Promise<HttpOutcome> {
  return async (request) => {
    if (request.path.startsWith(PATHS.api)) return callApi(request);
    if (request.method === 'POST' && request.path.startsWith(PATHS.upload)) {
      return takeUpload(request);
    }
    if (request.method === 'POST' && request.path.startsWith(PATHS.response)) {
      return useResponseUrl(workspace, request.path.slice(PATHS.response.length), request.body.toString('utf8'));
    }
    return page(request);
  };

  async function callApi(request: HttpRequest): Promise<HttpOutcome> {
    const method = request.path.slice(PATHS.api.length);
    const at = Date.now();
    const { args, refused } = argsOf(request);
    const token = bearer(request) ?? stringOf(args.token);
    const call = (): Answer => {
      if (refused !== undefined) return { tokenKind: 'unknown', headers: {}, body: { ok: false, error: refused } };
      return answerCall(workspace, methods, method, token, args);
    };
    const log = createLogEntry(workspace, method, args, token, at);
    const fault = faults.take(method);
    const run = async (): Promise<Answered> => {
      const answer = call();
      return { reply: reply(answer), logged: answer };
    };
    const refuse = (body: Record<string, unknown>): HttpReply => reply(log(body));
    return fault === undefined ? (await done(run, log)).reply : suffer(fault, run, refuse, log);
  }

  /** The middle step of an upload: a bare POST, known to faults and to the log as 'upload'. */
  async function takeUpload(request: HttpRequest): Promise<HttpOutcome> {
    const fileId = request.path.slice(PATHS.upload.length);
    const args = { file_id: fileId, bytes: request.body.length };
    const log = createLogEntry(workspace, 'upload', args, bearer(request), Date.now());
    const fault = faults.take('upload');
    const run = async (): Promise<Answered> => {
      const answer = await receiveUpload(workspace, fileId, request.headers['content-type'] ?? '', request.body);
      return { reply: answer, logged: { ...answer } };
    };
    const refuse = (body: Record<string, unknown>): HttpReply => {
      log(body);
      return { status: 500, body: String(body.error) };
    };
    return fault === undefined ? (await done(run, log)).reply : suffer(fault, run, refuse, log);
  }
}

/** What a call comes to: what goes over the wire and what the log keeps. */
interface Answered {
  readonly reply: HttpReply;
  readonly logged: Answer | Record<string, unknown>;
}

type Log = (answer: Answer | Record<string, unknown>) => Answer;

async function done(run: () => Promise<Answered>, log: Log): Promise<Answered> {
  const answered = await run();
  log(answered.logged);
  return answered;
}

/** Adds the call to the log; called again, it replaces the entry with the final answer. */
function createLogEntry(
  workspace: Workspace,
  method: string,
  args: Record<string, unknown>,
  token: string | undefined,
  at: number,
): Log {
  let index: number | undefined;
  return (given) => {
    const answer = isAnswer(given) ? given : { tokenKind: kindByShape(workspace, token), headers: {}, body: given };
    const entry = { method, tokenKind: answer.tokenKind, args: loggableArgs(args), at, response: answer.body };
    if (index === undefined) index = workspace.calls.push(entry) - 1;
    else workspace.calls[index] = entry;
    workspace.changes.notify();
    return answer;
  };
}

function isAnswer(value: Answer | Record<string, unknown>): value is Answer {
  return 'tokenKind' in value && 'body' in value;
}

function kindByShape(workspace: Workspace, token: string | undefined): Answer['tokenKind'] {
  if (token === undefined) return 'none';
  if (token === workspace.botToken) return 'bot';
  return workspace.appTokens.includes(token) ? 'app' : 'unknown';
}

async function suffer(
  fault: Fault,
  run: () => Promise<Answered>,
  refuse: (body: Record<string, unknown>) => HttpReply,
  log: Log,
): Promise<HttpOutcome> {
  if (fault.kind === 'error') return refuse({ ok: false, error: fault.error, ...fault.extra });
  if (fault.kind === 'rate-limit') {
    const { headers, body } = refuse({ ok: false, error: 'ratelimited' });
    return { status: 429, headers: { ...headers, 'retry-after': String(fault.seconds) }, body };
  }
  if (fault.kind === 'status') {
    log({});
    return { status: fault.status, headers: { 'content-type': 'text/html' }, body: fault.body ?? PROXY_PAGE };
  }
  if (fault.kind === 'delay') {
    const early = fault.effect === 'after' ? undefined : await done(run, log);
    if (early === undefined) log({});
    await new Promise((resolve) => setTimeout(resolve, fault.ms));
    return (early ?? (await done(run, log))).reply;
  }
  if (fault.kind === 'hang' && fault.effect === true) await done(run, log);
  else log({});
  return fault.kind;
}

function argsOf(request: HttpRequest): { args: Record<string, unknown>; refused?: string } {
  try {
    const contentType = request.headers['content-type'] ?? '';
    return { args: readArgs(contentType, request.body.toString('utf8'), request.query) };
  } catch (error) {
    if (error instanceof SlackRefusal) return { args: {}, refused: error.code };
    throw error;
  }
}

function bearer(request: HttpRequest): string | undefined {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

function reply(answer: Answer, status = 200): HttpReply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...answer.headers },
    body: JSON.stringify(answer.body),
  };
}
