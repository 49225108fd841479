/** Where events go, and with which key. */
import { AppError } from '../errors.ts';

/** The collector on this machine. */
const DEFAULT_URL = 'http://localhost:3030/events';

export interface Target {
  readonly url: URL;
  /** Takes a list of events; undefined where the address is not one that we know. */
  readonly batchUrl: URL | undefined;
  readonly key: string | undefined;
  /** The key is the config file's: what the environment says of proxies and certificates must not lead it astray. */
  readonly isKeyConfigured: boolean;
  /** For messages and files: addresses can hold secrets in their user, query and fragment. */
  readonly shown: string;
  /** The name of its queue in the spool. Events of another key wait in another one: they would be taken for the other's. */
  readonly queue: string;
}

export interface TargetOptions {
  /** As given on the command line. */
  readonly flag?: string | undefined;
  /** From the config file, which only this user writes. */
  readonly config: { readonly url?: string | undefined; readonly apiKey?: string | undefined };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Flag before config file before environment before default. An agent's environment may be a project's, so the key of the config
 * file goes nowhere but to the origin that the file names (without one: the default's); what goes elsewhere gets the environment's.
 * Throws AppError('bad-config') for what is no http address, and for a key that is none.
 */
export function resolveTarget({ flag, config, env }: TargetOptions): Target {
  const [from, text] = firstOf([
    ['--url', flag],
    ['send.url', config.url],
    ['HOOK_BACKEND_URL', env.HOOK_BACKEND_URL],
    ['the default', DEFAULT_URL],
  ]);
  const url = httpUrl(text, from);
  const isKeyConfigured =
    config.apiKey !== undefined && url.origin === httpUrl(config.url ?? DEFAULT_URL, 'send.url').origin;
  const key = isKeyConfigured ? headerKey(config.apiKey, 'send.apiKey') : headerKey(env.HOOK_API_KEY, 'HOOK_API_KEY');
  return {
    url,
    batchUrl: batchOf(url),
    key,
    isKeyConfigured,
    shown: `${url.origin}${url.pathname}`,
    queue: new Bun.CryptoHasher('sha256')
      .update(JSON.stringify([url.href, key ?? '']))
      .digest('hex')
      .slice(0, 16),
  };
}

/** `localhost` is two addresses, and the collector listens on one of them: that of IPv4 first. Others are as they are. */
export function addressesOf(url: URL): readonly string[] {
  if (url.hostname !== 'localhost') return [url.href];
  return ['127.0.0.1', '[::1]'].map((hostname) => {
    const own = new URL(url);
    own.hostname = hostname;
    return own.href;
  });
}

function firstOf(sources: readonly (readonly [string, string | undefined])[]): readonly [string, string] {
  for (const [from, text] of sources) if (text) return [from, text];
  return ['the default', DEFAULT_URL];
}

function httpUrl(text: string, from: string): URL {
  const url = URL.parse(text);
  // The text may hold a password.
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AppError(
      'bad-config',
      `Expected ${from} to be an http(s) URL, got another text of ${text.length} characters`,
    );
  return url;
}

function batchOf(url: URL): URL | undefined {
  if (!url.pathname.endsWith('/events')) return undefined;
  const batch = new URL(url);
  batch.pathname = `${url.pathname}/batch`;
  return batch;
}

/** Read from a file, a key may have a line break behind it. */
function headerKey(text: string | undefined, from: string): string | undefined {
  const key = text?.trim();
  if (key && !/^[\x21-\x7e]+$/.test(key))
    throw new AppError('bad-config', `Expected ${from} to be ASCII without spaces, got other characters`);
  return key || undefined;
}
