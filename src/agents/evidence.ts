/** What events tell, by agent. */
import type { AgentName, Witness } from '../types.ts';
import { CLAUDE_MAX_REPLIES, claudeEvidence } from './claude-evidence.ts';
import { codexEvidence, cursorEvidence, geminiEvidence, opencodeEvidence } from './other-evidence.ts';

/** Codex was seen to go on more than a hundred times; a person has had enough before. */
const MAX_REPLIES = 50;

export const WITNESSES: Readonly<Record<AgentName, Witness>> = {
  claude: { evidence: claudeEvidence, maxReplies: CLAUDE_MAX_REPLIES },
  codex: { evidence: codexEvidence, maxReplies: MAX_REPLIES },
  cursor: { evidence: cursorEvidence, maxReplies: 0 },
  gemini: { evidence: geminiEvidence, maxReplies: MAX_REPLIES },
  opencode: { evidence: opencodeEvidence, maxReplies: 0 },
};
