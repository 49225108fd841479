/** What is kept of requests that are over. */
import type { ApprovalRequest } from './types.ts';

/** In characters of JSON; a thousand requests that are over are kept. */
const LARGE_INPUT = 10_000;

/** A request that is over, as far as late answers and later events need it. */
export function withoutLargeInput(request: ApprovalRequest): ApprovalRequest {
  const { hook_event_name, session_id, cwd, tool_name = '', agent_id } = request.input;
  if (JSON.stringify(request.input).length <= LARGE_INPUT) return request;
  return { ...request, input: { hook_event_name, session_id, cwd, tool_name, tool_input: {}, agent_id } };
}
