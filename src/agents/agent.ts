/** The dialects by name. The interface is `Agent` in types.ts. */
import type { Agent, AgentName } from '../types.ts';
import { claude } from './claude.ts';

export const AGENTS: Readonly<Record<AgentName, Agent>> = { claude };
