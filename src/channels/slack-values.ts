/** The names by which Slack's payloads come back to us: block ids, action ids and the value that every button carries. */
import type { ApprovalRequest } from '../types.ts';

/** Every block and view of ours starts with this; Bolt is asked for all of them at once. */
export const OURS = /^csh_/;

export const DECIDE_BLOCK = 'csh_decide';
export const APPROVE_ACTION = 'csh_approve';
export const DENY_ACTION = 'csh_deny';
export const DENY_REASON_ACTION = 'csh_deny_reason';
/** Of a plan: approve it, and accept edits from now on. */
export const APPROVE_EDITS_ACTION = 'csh_approve_edits';
export const EDIT_ACTION = 'csh_edit';
export const ALWAYS_ACTION = 'csh_always';
export const GRANT_ACTION = 'csh_grant';
/** Opens the whole request in a modal, page by page. */
export const SHOW_ALL_ACTION = 'csh_show_all';

/** In a list of requests: one of them, all of them, and a card of its own. */
export const ROW_BLOCK = 'csh_row_';
export const APPROVE_ALL_ACTION = 'csh_approve_all';
export const MORE_ACTION = 'csh_more';
export const REVOKE_ACTION = 'csh_revoke';

/** Version of the buttons' value. */
const VALUE_VERSION = 'v1';

export interface ButtonValue {
  readonly instanceId: string;
  readonly requestId: string;
  readonly nonce: string;
}

/** What the buttons of a request carry. */
export function buttonValue(request: Pick<ApprovalRequest, 'id' | 'nonce'>, instanceId: string): string {
  return [VALUE_VERSION, instanceId, request.id, request.nonce].join('.');
}

/** The parts of a button's value; undefined when it is not one of ours. */
export function readButtonValue(value: string): ButtonValue | undefined {
  const [version, instanceId, requestId, nonce, ...more] = value.split('.');
  if (version !== VALUE_VERSION || more.length > 0 || !instanceId || !requestId || !nonce) return undefined;
  return { instanceId, requestId, nonce };
}

/** What a button for several requests carries; a value holds 2,000 characters (Block Kit reference), a request takes 60. */
export function manyValue(requests: readonly Pick<ApprovalRequest, 'id' | 'nonce'>[], instanceId: string): string {
  return [VALUE_VERSION, instanceId, ...requests.flatMap(({ id, nonce }) => [id, nonce])].join('.');
}

/** The requests in such a value; undefined when it is not one of ours. */
export function readManyValue(value: string): { instanceId: string; requests: readonly ButtonValue[] } | undefined {
  const [version, instanceId, ...pairs] = value.split('.');
  if (version !== VALUE_VERSION || !instanceId || pairs.length === 0 || pairs.length % 2 !== 0) return undefined;
  const requests = pairs.flatMap((requestId, index) => {
    const nonce = pairs[index + 1];
    return index % 2 === 0 && nonce !== undefined ? [{ instanceId, requestId, nonce }] : [];
  });
  return { instanceId, requests };
}

/** What the button that ends a grant carries. */
export function grantValue(grantId: string, instanceId: string): string {
  return [VALUE_VERSION, instanceId, 'grant', grantId].join('.');
}

/** The grant in such a value; undefined when it is not one of ours. */
export function readGrantValue(value: string): { instanceId: string; grantId: string } | undefined {
  const [version, instanceId, word, grantId, ...more] = value.split('.');
  if (version !== VALUE_VERSION || word !== 'grant' || !instanceId || !grantId || more.length > 0) return undefined;
  return { instanceId, grantId };
}
