/** Files that decide what runs later, who may log in, or what this gate asks: none of them belongs in a bundle. */
import { posix } from 'node:path';

interface Sensitive {
  readonly what: string;
  readonly pattern: RegExp;
}

/** Compared in lower case, because some file systems do not tell the cases apart. */
const ANYWHERE: readonly Sensitive[] = [
  { what: 'system settings', pattern: /^(\/private)?\/(etc|boot|var\/spool\/cron|var\/at)(\/|$)/ },
  {
    what: 'keys and passwords',
    pattern:
      /(^|\/)(\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.config\/(gh|gcloud)|library\/keychains|\.(netrc|npmrc|pypirc|pgpass|git-credentials)|\.docker\/config\.json)(\/|$)/,
  },
  {
    what: 'keys and passwords',
    // Not the ones that are in every repository to be copied.
    pattern: /(^|\/)(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|\.env(rc|(?!\.(example|sample|template|dist)$)[.*?-][^/]*)?)$/,
  },
  {
    what: "the shell's start-up files",
    pattern:
      /(^|\/)(\.(bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|zlogout|kshrc|inputrc|xprofile|xinitrc)|\.config\/fish(\/.*)?|config\.fish)$/,
  },
  {
    what: 'programs that start on their own',
    pattern: /(^|\/)(launchagents|launchdaemons|\.config\/(systemd|autostart))(\/|$)/,
  },
  {
    what: "git's hooks and settings",
    pattern: /(^|\/)(\.git\/(hooks|config|info\/attributes)|\.githooks|\.husky|\.gitconfig|\.config\/git)(\/|$)/,
  },
  {
    what: "the agent's own settings",
    pattern:
      /(^|\/)(\.claude\/(settings[^/]*\.json|hooks|agents|commands|skills|plugins)|\.claude\.json|\.mcp\.json|managed-settings\.json|\.(codex|gemini|cursor)\/[^/]*\.(json|toml)|\.config\/claude-slack-hook|claude-slack-hook\/config\.json)(\/|$)/,
  },
];

/** A command names programs and devices by these all the time; a tool that changes files has no business there. */
const FILES_ONLY: readonly Sensitive[] = [
  {
    what: 'system files',
    pattern:
      /^\/(bin|sbin|dev|proc|sys|system|library|lib(32|64|exec)?|usr\/((local\/)?(s?bin|lib(32|64|exec)?|share|etc)))(\/|$)/,
  },
];

/** What a path is of, as the end of a sentence; undefined when it is nothing special. Relative paths count as they are written. */
export function sensitivePath(path: string): string | undefined {
  return find(ANYWHERE, path);
}

/** As `sensitivePath`, of an absolute path that a tool reads or changes. */
export function sensitiveFile(path: string): string | undefined {
  return find([...ANYWHERE, ...FILES_ONLY], path);
}

function find(list: readonly Sensitive[], path: string): string | undefined {
  const tidy = posix.normalize(path).replace(/^\/\//, '/').toLowerCase();
  return list.find(({ pattern }) => pattern.test(tidy))?.what;
}
