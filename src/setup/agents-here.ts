/** Which agents are on this machine. */
import { existsSync } from 'node:fs';
import type { AgentName } from '../types.ts';
import { claudeFolder } from './hook-plans.ts';

/** Where each keeps its settings below the home directory, and the command that starts it. */
const SIGNS: Readonly<
  Record<AgentName, { readonly folder: string; readonly command: string; readonly title: string }>
> = {
  claude: { folder: '.claude', command: 'claude', title: 'Claude Code' },
  codex: { folder: '.codex', command: 'codex', title: 'Codex' },
  cursor: { folder: '.cursor', command: 'cursor', title: 'Cursor' },
  gemini: { folder: '.gemini', command: 'gemini', title: 'Gemini CLI' },
  opencode: { folder: '.config/opencode', command: 'opencode', title: 'opencode' },
};

export const titleOf = (agent: AgentName): string => SIGNS[agent].title;

/** By their settings or their command on PATH. */
export function agentsHere(home: string, env: Readonly<Record<string, string | undefined>>): readonly AgentName[] {
  const path = env.PATH ?? '';
  return (Object.keys(SIGNS) as AgentName[]).filter((agent) => {
    const { folder, command } = SIGNS[agent];
    const place = agent === 'claude' ? claudeFolder(home, env) : `${home}/${folder}`;
    return existsSync(place) || Bun.which(command, { PATH: path }) !== null;
  });
}
