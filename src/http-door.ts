/**
 * Who may speak to the daemon over HTTP, judged by the head of the request alone. Everybody on this machine can connect to a
 * port of 127.0.0.1, and so can every page in a browser: who does not know the token learns nothing but that.
 */
import { timingSafeEqual } from 'node:crypto';

/** What is judged: of node:http's IncomingMessage these. */
export interface Head {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** By name in lower case. */
  readonly headersDistinct: Readonly<Record<string, readonly string[] | undefined>>;
}

/** Why a request is not listened to any further, and the headers that belong to its status. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 405 | 415;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The one place there is. Only Claude Code has http hooks. */
export const HTTP_PATH = '/hooks/claude';

const TOKEN_HEADER = 'x-claude-slack-hook-token';

/** @param port the one that it was sent to; @param token see http-token.ts */
export function judgeHead(
  { method, url = '', headersDistinct: headers }: Head,
  port: number,
  token: string,
): Refusal | undefined {
  // A page that has its own name resolve to 127.0.0.1 sends that name; what a browser sends across origins has an Origin.
  if (!isOurHost(headers.host, port))
    return { status: 403, message: `Expected the host 127.0.0.1:${port}, got another` };
  if (headers.origin !== undefined) return { status: 403, message: 'Expected no Origin, got one: no page may ask' };
  if (!knowsToken(headers, token)) {
    const message = `Expected the token in Authorization: Bearer or ${TOKEN_HEADER}, got none or another`;
    return { status: 401, message, headers: { 'WWW-Authenticate': 'Bearer' } };
  }
  if (url.replace(/\?.*$/s, '') !== HTTP_PATH)
    return { status: 404, message: `Expected the path ${HTTP_PATH}, got another` };
  if (method !== 'POST')
    return { status: 405, message: 'Expected the method POST, got another', headers: { Allow: 'POST' } };
  if (!isPlainJson(headers))
    return { status: 415, message: 'Expected application/json without an encoding, got another' };
  return undefined;
}

/** Port 80 goes without saying. */
function isOurHost(hosts: readonly string[] | undefined, port: number): boolean {
  const [host = '', ...more] = hosts ?? [];
  const given = host.includes(':') || port !== 80 ? host : `${host}:80`;
  return more.length === 0 && [`127.0.0.1:${port}`, `localhost:${port}`].includes(given.toLowerCase());
}

function knowsToken(headers: Head['headersDistinct'], token: string): boolean {
  const bearers = (headers.authorization ?? []).map((value) => /^Bearer +(\S+) *$/i.exec(value)?.[1] ?? '');
  return [...bearers, ...(headers[TOKEN_HEADER] ?? [])].some((given) => isSame(given, token));
}

/** Takes the same time wherever the two differ, and whatever the length of what was given. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string): Uint8Array => new Bun.CryptoHasher('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function isPlainJson(headers: Head['headersDistinct']): boolean {
  const [type = '', ...more] = headers['content-type'] ?? [];
  return more.length === 0 && /^application\/json *(;|$)/i.test(type) && headers['content-encoding'] === undefined;
}
