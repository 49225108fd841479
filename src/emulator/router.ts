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
      const fileId = request.path.slice(PATHS.upload.length);
      return receiveUpload(workspace, fileId, request.headers['content-type'] ?? '', request.body);
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
    const run = (): Answer => {
      if (refused !== undefined) return { tokenKind: 'unknown', headers: {}, body: { ok: false, error: refused } };
      return answerCall(workspace, methods, method, token, args);
    };
    const log = createLogEntry(workspace, method, args, token, at);
    const fault = faults.take(method);
    return fault === undefined ? reply(log(run())) : suffer(fault, run, log);
  }
}

/** Adds the call to the log; called again, it replaces the entry with the final answer. */
function createLogEntry(
  workspace: Workspace,
  method: string,
  args: Record<string, unknown>,
  token: string | undefined,
  at: number,
): (answer: Answer | Record<string, unknown>) => Answer {
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
  return token === workspace.appToken ? 'app' : 'unknown';
}

async function suffer(
  fault: Fault,
  run: () => Answer,
  log: (answer: Answer | Record<string, unknown>) => Answer,
): Promise<HttpOutcome> {
  if (fault.kind === 'error') return reply(log({ ok: false, error: fault.error, ...fault.extra }));
  if (fault.kind === 'rate-limit') {
    const { body } = log({ ok: false, error: 'ratelimited' });
    return reply({ tokenKind: 'none', headers: { 'retry-after': String(fault.seconds) }, body }, 429);
  }
  if (fault.kind === 'status') {
    log({});
    return { status: fault.status, headers: { 'content-type': 'text/html' }, body: fault.body ?? PROXY_PAGE };
  }
  if (fault.kind === 'delay') {
    const early = fault.effect === 'after' ? undefined : run();
    log(early ?? {});
    await new Promise((resolve) => setTimeout(resolve, fault.ms));
    return reply(early ?? log(run()));
  }
  if (fault.kind === 'hang' && fault.effect === true) log(run());
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
