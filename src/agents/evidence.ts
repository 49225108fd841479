/** What events tell, by agent. */
import type { AgentName, Evidence, HookInput } from '../types.ts';
import { CLAUDE_MAX_REPLIES, claudeEvidence } from './claude-evidence.ts';

export interface Witness {
  /** What an event tells about requests that were answered elsewhere; undefined for nothing. */
  evidence(input: HookInput): Evidence | undefined;
  /** How many replies in a row the agent goes on with when it has stopped. */
  readonly maxReplies: number;
}

export const WITNESSES: Readonly<Record<AgentName, Witness>> = {
  claude: { evidence: claudeEvidence, maxReplies: CLAUDE_MAX_REPLIES },
};
