/** What events tell, by agent. */
import type { AgentName, Witness } from '../types.ts';
import { CLAUDE_MAX_REPLIES, claudeEvidence } from './claude-evidence.ts';

export const WITNESSES: Readonly<Record<AgentName, Witness>> = {
  claude: { evidence: claudeEvidence, maxReplies: CLAUDE_MAX_REPLIES },
};
