/** Where the agents of this machine have their settings, and what is in them. */
import { statSync } from 'node:fs';
import type { HookAgent, HookSource } from './hook-entries.ts';
import { readSettingsFile, readText } from './hook-file.ts';

export interface Surroundings {
  readonly home: string;
  readonly cwd: string;
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the managed settings are; the system's own place by default. */
  readonly managed?: string;
}

export interface FoundAgent {
  readonly agent: HookAgent;
  /** Its folder is there. */
  readonly isInstalled: boolean;
  readonly sources: readonly HookSource[];
}

/** Our plugin for opencode, in one of the folders that it looks into. */
export interface FoundPlugin {
  readonly path: string;
  readonly state: 'ours' | 'other' | 'absent';
}

export interface FoundHooks {
  readonly agents: readonly FoundAgent[];
  readonly opencode: { readonly isInstalled: boolean; readonly plugins: readonly FoundPlugin[] };
}

/** Looks at files only; starts no agent. */
export function findHooks(around: Surroundings): FoundHooks {
  const { home, cwd, env } = around;
  const claude = absolute(env.CLAUDE_CONFIG_DIR) ?? `${home}/.claude`;
  const codex = absolute(env.CODEX_HOME) ?? `${home}/.codex`;
  const opencode = `${absolute(env.XDG_CONFIG_HOME) ?? `${home}/.config`}/opencode`;
  const read = (path: string, scope: HookSource['scope']): HookSource => ({
    path,
    scope,
    file: readSettingsFile(path),
  });
  const both = (user: string, project: string): readonly HookSource[] =>
    user === project ? [read(user, 'user')] : [read(user, 'user'), read(project, 'project')];
  const own = (agent: HookAgent, folder: string, name: string): FoundAgent => ({
    ...{ agent, isInstalled: isFolder(folder), sources: both(`${folder}/${name}`, `${cwd}/.${agent}/${name}`) },
  });
  return {
    agents: [
      {
        agent: 'claude',
        isInstalled: isFolder(claude),
        sources: [
          read(around.managed ?? managedOf(around.platform), 'managed'),
          ...both(`${claude}/settings.json`, `${cwd}/.claude/settings.json`),
          read(`${cwd}/.claude/settings.local.json`, 'local'),
        ],
      },
      own('codex', codex, 'hooks.json'),
      own('cursor', `${home}/.cursor`, 'hooks.json'),
      own('gemini', `${home}/.gemini`, 'settings.json'),
    ],
    opencode: {
      isInstalled: isFolder(opencode),
      plugins: [opencode, `${cwd}/.opencode`].flatMap((folder) =>
        ['plugin', 'plugins'].map((name) => readPlugin(`${folder}/${name}/claude-slack-hook.js`)),
      ),
    },
  };
}

function managedOf(platform: string): string {
  return platform === 'darwin'
    ? '/Library/Application Support/ClaudeCode/managed-settings.json'
    : '/etc/claude-code/managed-settings.json';
}

function readPlugin(path: string): FoundPlugin {
  const text = readText(path);
  if (typeof text === 'string') return { path, state: text.includes('claude-slack-hook') ? 'ours' : 'other' };
  return { path, state: text.state === 'absent' ? 'absent' : 'other' };
}

function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
