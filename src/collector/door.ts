/** Who may speak to the collector, and how: judged by the head of a request, before anything of its body is read. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { KeyRing, Principal, Scope } from './keys.ts';

export interface DoorOptions {
  readonly keys: Pick<KeyRing, 'principalOf'>;
  /** False: everybody who can connect may do everything but tell of approvals. Only for loopback. */
  readonly isKeyed: boolean;
  /** Names that requests may be sent to, with or without a port, beside addresses and localhost; `*` for any. */
  readonly hosts: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Door {
  /** Why a request may not even be looked at; undefined for one that may. */
  judge(head: Headers): 'host' | 'origin' | undefined;
  /** Who it comes from; undefined for nobody we know. */
  principalOf(head: Headers): Principal | undefined;
  /** The cookie that stands for a key in a browser; undefined for a key that may not read. */
  cookieFor(key: string): string | undefined;
  /** Ends the session of a cookie. */
  forget(head: Headers): void;
}

/** Whoever comes where no keys are asked for. */
const ANYBODY: Principal = { id: 'anybody', scopes: new Set<Scope>(['ingest', 'read']) };

export const COOKIE = 'csh_session';
/** How long a browser stays logged in, in seconds. */
export const SESSION_SECONDS = 12 * 3600;
const COOKIE_PATTERN = new RegExp(`(?:^|; *)${COOKIE}=([\\w-]+)`);
const KEY_HEADERS = ['x-api-key', 'gram-key'] as const;

export function createDoor({ keys, isKeyed, hosts, now }: DoorOptions): Door {
  const names = new Set(hosts.map((host) => host.toLowerCase()));
  // The few that are really used: to find out whether a text is an address takes longer than all the rest of a request.
  const known = new Map<string, boolean>();
  const isKnown = (host: string): boolean => {
    const before = known.get(host);
    if (before !== undefined) return before;
    const is = isKnownHost(host, names);
    if (known.size < MAX_KNOWN) known.set(host, is);
    return is;
  };
  /** By random names, so that no key is in a cookie. A restart logs browsers out. */
  const sessions = new Map<string, { readonly key: string; readonly until: number }>();

  const idIn = (head: Headers): string => COOKIE_PATTERN.exec(head.get('cookie') ?? '')?.[1] ?? '';
  const fromCookie = (head: Headers): Principal | undefined => {
    const session = sessions.get(idIn(head));
    if (session === undefined || session.until < now()) return undefined;
    const principal = keys.principalOf(session.key);
    // A browser looks; it sends no events, so that no page can have it do so.
    return principal === undefined ? undefined : { ...principal, scopes: new Set<Scope>(['read']) };
  };

  return {
    judge: (head) => {
      const host = (head.get('host') ?? '').toLowerCase();
      if (!isKnown(host)) return 'host';
      const origin = head.get('origin');
      if (origin !== null && URL.parse(origin)?.host !== host) return 'origin';
      // A picture of another page's has no Origin, and could be the stream of events, a hundred times.
      const isForeign = FOREIGN.has(head.get('sec-fetch-site') ?? '') && head.get('sec-fetch-mode') !== 'navigate';
      return isForeign ? 'origin' : undefined;
    },
    principalOf: (head) => {
      if (!isKeyed) return ANYBODY;
      const bearer = /^Bearer +(\S+) *$/i.exec(head.get('authorization') ?? '')?.[1];
      const given = bearer ?? KEY_HEADERS.map((name) => head.get(name)).find((value) => value !== null);
      return given === undefined || given === null ? fromCookie(head) : keys.principalOf(given);
    },
    cookieFor: (key) => {
      const principal = keys.principalOf(key);
      if (principal === undefined || !principal.scopes.has('read')) return undefined;
      for (const [id, { until }] of sessions) if (until < now()) sessions.delete(id);
      const id = randomBytes(16).toString('base64url');
      sessions.set(id, { key, until: now() + SESSION_SECONDS * 1000 });
      const [oldest] = sessions.keys();
      if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
      return id;
    },
    forget: (head) => void sessions.delete(idIn(head)),
  };
}

/** What browsers say of a request that another page makes, also one of the same name and another port. */
const FOREIGN: ReadonlySet<string> = new Set(['cross-site', 'same-site']);
const MAX_SESSIONS = 1_000;
const MAX_KNOWN = 100;

/**
 * An address cannot be made to lead elsewhere; a name can, by whoever owns it (DNS rebinding), so it has to be one of ours.
 * @param host with its port
 */
function isKnownHost(host: string, names: ReadonlySet<string>): boolean {
  const bare = host.replace(/:\d+$/, '');
  if (bare === 'localhost' || isIP(bare.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  return host !== '' && (names.has('*') || names.has(host) || names.has(bare));
}
