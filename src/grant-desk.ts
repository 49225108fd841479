/** Giving, using and ending grants: each is recorded, and told to the channel and to whoever keeps the daemon alive. */
import type { Grants } from './grants.ts';
import type { Logger } from './logger.ts';
import type { Recorder } from './recorder.ts';
import type { ApprovalRequest, Decided, Grant, News, Outcome } from './types.ts';

export interface GrantDeskOptions {
  readonly grants: Grants;
  readonly recorder: Pick<Recorder, 'grant' | 'inWords'>;
  readonly logger: Pick<Logger, 'info'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly tell: (news: News) => void;
  /** Called when a grant begins or ends. */
  readonly onChange: () => void;
}

export interface GrantDesk {
  /** Gives what an approval also gave. Returns the outcome as it then is: without the grant, when that could not be recorded. */
  giveWith(request: ApprovalRequest, outcome: Outcome): Outcome;
  noteUse(grant: Grant, request: ApprovalRequest, at: number): void;
  revoke(grantId: string, by: string): 'accepted' | 'unknown-request' | 'not-approver';
  /** Ends those whose time is up. */
  expire(): void;
  /** Ends all, and gives no more. */
  endAll(): void;
}

export function createGrantDesk({ grants, recorder, logger, now, tell, onChange }: GrantDeskOptions): GrantDesk {
  let isOver = false;
  /** Whether it is in force. */
  const give = (request: ApprovalRequest, { grant: wish, by, at }: Decided): boolean => {
    if (wish === undefined) return true;
    if (isOver) return false;
    const grant = grants.give(wish, request, by, at);
    if (!recorder.grant('granted', grant, at, request)) {
      // Without a record there is no allow, and this would be many.
      grants.revoke(grant.id, by, at);
      return false;
    }
    logger.info({ grant: grant.id, by, until: grant.until }, 'grant given');
    onChange();
    tell({ type: 'grant', grant });
    return true;
  };

  const end = (grant: Grant): void => {
    logger.info({ grant: grant.id, ...grant.ended }, 'grant ended');
    recorder.grant('grant-ended', grant, now());
    onChange();
    tell({ type: 'grant', grant });
  };

  return {
    giveWith: (request, outcome) =>
      outcome.kind !== 'allowed' || give(request, outcome) ? outcome : withoutGrant(outcome),
    noteUse: ({ id }, request, at) => {
      const used = grants.use(id, recorder.inWords(request), at);
      if (used !== undefined) tell({ type: 'grant', grant: used });
    },
    revoke: (grantId, by) => {
      if (!grants.active().some(({ id }) => id === grantId)) return 'unknown-request';
      const grant = grants.revoke(grantId, by, now());
      if (grant === undefined) return 'not-approver';
      end(grant);
      return 'accepted';
    },
    expire: () => {
      for (const grant of grants.expire(now())) end(grant);
    },
    endAll: () => {
      isOver = true;
      for (const grant of grants.end(now())) end(grant);
    },
  };
}

/** A card must not speak of a permission that could not be recorded, and is therefore none. */
function withoutGrant({ grant: _grant, ...rest }: Decided): Outcome {
  return rest;
}
