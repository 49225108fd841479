/** What the collector answers when it does not do what was asked. */

export interface Trouble {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 421 | 422 | 429 | 503;
  readonly body: unknown;
  /** For the metrics. */
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The first two as the first collector of these events said them; scripts compare the text. */
export const INVALID_KEY: Trouble = {
  status: 401,
  reason: 'key',
  body: { success: false, error: 'Invalid API key' },
  headers: { 'WWW-Authenticate': 'Bearer' },
};
export const INVALID_JSON: Trouble = {
  status: 400,
  reason: 'json',
  body: { success: false, error: 'Invalid JSON payload' },
};

export const FORBIDDEN = trouble(403, 'forbidden', 'Expected a key with the scope for this, got one without');
export const WRONG_ORIGIN = trouble(403, 'origin', 'Expected no Origin or this one, got another');
export const WRONG_HOST = trouble(421, 'host', 'Expected a Host that this collector knows, got another', {
  hint: 'Name it with --allow-host or ALLOWED_HOSTS.',
});
export const NOT_FOUND = trouble(404, 'not_found', 'There is nothing here');
export const NOT_JSON = trouble(415, 'media_type', 'Expected application/json without an encoding, got another');
export const TOO_LARGE = trouble(
  413,
  'too_large',
  'Expected at most 1 MiB for one event, and 8 MiB and 5000 events for a batch, got more',
);
export const TOO_DEEP = trouble(422, 'too_deep', 'Expected at most 64 levels of nesting, got more');
export const TOO_BUSY: Trouble = {
  ...trouble(503, 'busy', 'More events wait than the store can take; send it again'),
  headers: { 'Retry-After': '1' },
};
export const NO_STORE: Trouble = {
  ...trouble(503, 'store', 'The store cannot take events; nothing of this request is kept for certain, send it again'),
  headers: { 'Retry-After': '1' },
};

export function wrongMethod(allowed: string): Trouble {
  return { ...trouble(405, 'method', `Expected ${allowed}, got another method`), headers: { Allow: allowed } };
}

export function tooMany(seconds: number): Trouble {
  return {
    ...trouble(429, 'rate', 'Expected fewer events a second with this key, got more'),
    headers: { 'Retry-After': String(seconds) },
  };
}

export interface Rejected {
  readonly index: number;
  readonly path: string;
}

/** @param rejected of a batch, all that were wrong with it */
export function invalidEvent(path: string, rejected?: readonly Rejected[]): Trouble {
  const error = { code: 'invalid_event', path, ...(rejected === undefined ? {} : { rejected }) };
  return { status: 422, reason: 'invalid_event', body: { error } };
}

export function invalidQuery(path: string, expected: string): Trouble {
  return { status: 422, reason: 'invalid_query', body: { error: { code: 'invalid_query', path, message: expected } } };
}

function trouble(
  status: Trouble['status'],
  code: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): Trouble {
  return { status, reason: code, body: { error: { code, message, ...more } } };
}
