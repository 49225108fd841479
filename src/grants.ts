/**
 * Time-boxed permissions: what a person has allowed for half an hour. Kept in memory on purpose: they end with the
 * daemon. Pure but for its own state; what a rule matches and what time it is come in as values.
 */
import type { ApprovalRequest, CallRule, Grant, GrantWish } from './types.ts';

export interface GrantsOptions {
  readonly newId: () => string;
  readonly matches: (rule: CallRule, request: ApprovalRequest) => boolean;
}

export interface Grants {
  give(wish: GrantWish, request: ApprovalRequest, by: string, at: number): Grant;
  /** The grant that covers a request at this time; its giver must be one of those who may answer it, and one must be enough. */
  find(request: ApprovalRequest, at: number): Grant | undefined;
  /** Notes a use; `call` is the call in words. Returns the grant with it; undefined when it is gone. */
  use(id: string, call: string, at: number): Grant | undefined;
  /** Who may answer requests like the one it was given with may also end it. */
  revoke(id: string, by: string, at: number): Grant | undefined;
  /** Takes out and returns those whose time is up. */
  expire(at: number): readonly Grant[];
  /** Takes out and returns all. */
  end(at: number): readonly Grant[];
  active(): readonly Grant[];
}

/** The list of uses on a card is for people. */
const USES_KEPT = 50;

export function createGrants({ newId, matches }: GrantsOptions): Grants {
  const grants = new Map<string, Grant>();

  const take = (id: string, ended: NonNullable<Grant['ended']>): readonly Grant[] => {
    const grant = grants.get(id);
    grants.delete(id);
    return grant === undefined ? [] : [{ ...grant, ended }];
  };
  const covers = (grant: Grant, request: ApprovalRequest, at: number): boolean =>
    at < grant.until &&
    request.needed === 1 &&
    grant.agent === request.agent &&
    request.approvers.includes(grant.by) &&
    isThere(grant, request) &&
    matches(grant.rule, request);

  return {
    give: (wish, request, by, at) => {
      const { agent, approvers, input } = request;
      const times = { since: at, until: at + wish.forMs };
      const grant: Grant = {
        ...wish,
        ...times,
        ...{ id: newId(), agent, approvers, by, sessionId: input.session_id, used: 0, uses: [] },
        ...{ cwd: input.cwd, mode: input.permission_mode },
      };
      grants.set(grant.id, grant);
      return grant;
    },
    find: (request, at) => [...grants.values()].find((grant) => covers(grant, request, at)),
    use: (id, call, at) => {
      const grant = grants.get(id);
      if (grant === undefined) return undefined;
      const uses = [...grant.uses, { at, call }].slice(-USES_KEPT);
      const used = { ...grant, used: grant.used + 1, uses };
      grants.set(id, used);
      return used;
    },
    revoke: (id, by, at) =>
      grants.get(id)?.approvers.includes(by) === true ? take(id, { how: 'revoked', at, by })[0] : undefined,
    expire: (at) =>
      [...grants.values()].filter(({ until }) => at >= until).flatMap(({ id }) => take(id, { how: 'expired', at })),
    end: (at) => [...grants.keys()].flatMap((id) => take(id, { how: 'stopped', at })),
    active: () => [...grants.values()],
  };
}

/** A command means something else in another directory, and nothing is to be done while the agent plans. */
function isThere({ rule, cwd, mode }: Grant, { input }: ApprovalRequest): boolean {
  if (input.permission_mode === 'plan' && mode !== 'plan') return false;
  return (
    input.cwd === cwd ||
    (rule.kind !== 'exact' &&
      input.cwd.startsWith(cwd.endsWith('/') ? cwd : `${cwd}/`) &&
      !/(^|\/)\.\.(\/|$)/.test(input.cwd))
  );
}
