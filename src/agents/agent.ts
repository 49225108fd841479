/** The dialects by name. The interface is `Agent` in types.ts. A hook of Claude Code's loads its own only. */
import type { Agent, AgentName } from '../types.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { cursor } from './cursor.ts';
import { gemini } from './gemini.ts';
import { opencode } from './opencode.ts';

export const AGENTS: Readonly<Record<AgentName, Agent>> = { claude, codex, cursor, gemini, opencode };
