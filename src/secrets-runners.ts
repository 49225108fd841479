/** What a line of shell does with the words that stand in it: runs them, installs them, or connects to them. */

/** Words that run, read as a program, or connect to what comes behind them. */
const RUNNER = new RegExp(
  `(?:^|[\\s/(\`{!=:,[])(?:${[
    '(?:ba|da|z|k|fi|tc|c|a)?sh|pwsh|powershell|osascript|su|runuser',
    'node|nodejs|deno|bun|tsx|ts-node|python[\\d.]*|pypy\\d?|ruby|perl|php|lua|Rscript',
    'npx|pnpx|bunx|uvx|pipx|corepack|source|-?exec(?:dir)?|-ok|eval|xargs|parallel|alias|trap|read|mapfile',
    'ssh|scp|sftp|rsync|nc|ncat|netcat|socat|telnet|mosh|ftp',
    'for\\s+\\w+\\s+in|set\\s+--',
  ].join('|')})(?=\\s|$)`,
);
/** Programs that do so with one of their subcommands. */
const MANAGER = new RegExp(
  `(?:^|[\\s/(\`{!=:,[])(?:${[
    'npm|pnpm|yarn|pip[\\d.]*|uv|poetry|conda|mamba|cargo|go|gem|bundle|composer|luarocks|dotnet|nuget|nix(?:-\\w+)?',
    'brew|port|apt|apt-get|dnf|yum|apk|pacman|snap|flatpak|winget|choco|scoop',
    'docker|podman|kubectl|helm|git|code',
  ].join('|')})(?=\\s)`,
);
const SUBCOMMAND =
  /\s(?:install|i|in|add|exec|x|dlx|run|create|init|get|clone|pull|push|fetch|tap|ci|update|upgrade|reinstall|tool|download|remote|shell|--install-extension)(?=\s|$)/;
/** Words after which a command begins, as it does at the start of a line. */
const BEFORE_COMMAND =
  /^(?:(?:.*\/)?(?:sudo|doas|env|nohup|time|nice|ionice|command|builtin|watch|timeout|stdbuf|setsid|chroot)|then|do|else|elif|if|while|until|!|\{|coproc)$/;
const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/;
/** The source of a dot as a command. */
const DOT = /^\s*(?:[\w.-]+:\s+)?\.\s/;
const PIPE_INTO = /\|\s*[^\n]*$/;

/** Names of what is run or connected to, in variables, fields and flags: `PGHOST`, `--registry`, `"command"`. */
const PLACE =
  /host|server|proxy|ur[il]|domain|addr|endpoint|remote|registry|mirror|origin|target|connect|resolve|gateway|command|cmd|shell|editor|pager|browser|program|script|exec|^run$|path|preload|image|package|askpass|startup|options|_env$|^env$|_?ssh$|^(?:https?|ftp|git|ssh|h|args|argv|code|file|module|import)$/i;
/** Unless they end as those of secrets do: `SERVER_TOKEN`. */
const SECRET_END = /(?:token|key|secret|passw(?:or)?d|passphrase|pwd|auth|jwt|credentials?)$/i;

/** Whether a variable, field or flag of this name holds something to run or to connect to. */
export function isPlaceName(name: string): boolean {
  return PLACE.test(name) && !SECRET_END.test(name);
}

/** Whether what follows `segment`, the part of a line since the last `;`, `|` or `&`, is an argument that would be run. */
export function isRunnerBefore(segment: string): boolean {
  const bare = segment.replaceAll(/["'\\]/g, '');
  if (DOT.test(bare) || /^\s*\$/.test(bare) || RUNNER.test(bare)) return true;
  const manager = MANAGER.exec(bare);
  return manager !== null && SUBCOMMAND.test(bare.slice(manager.index + manager[0].length));
}

/** Whether the rest of a line hands the output to something that runs it. */
export function isPipedToRunner(rest: string): boolean {
  const piped = PIPE_INTO.exec(rest)?.[0];
  return piped !== undefined && isRunnerBefore(`${piped.replaceAll(/[|&;"'()]/g, ' ')} `);
}

/** Whether a command stands behind these words of a line, which has begun with them. */
export function isCommandNext(words: readonly string[]): boolean {
  let hasPrefix = false;
  let afterFlag = false;
  let afterRedirection = false;
  return words.every((word, index) => {
    const isFlag = hasPrefix && word.startsWith('-');
    const isTaken =
      (index === 0 && (/^[-+>|]$/.test(word) || (word.endsWith(':') && isPlaceName(word.slice(0, -1))))) ||
      ASSIGNMENT.test(word) ||
      BEFORE_COMMAND.test(word) ||
      isFlag ||
      /^\d*[<>]/.test(word) ||
      afterRedirection ||
      (hasPrefix && (afterFlag || /^\d/.test(word)));
    hasPrefix ||= BEFORE_COMMAND.test(word);
    afterFlag = isFlag && /^-\w$/.test(word);
    afterRedirection = /^\d*[<>]+&?$/.test(word);
    return isTaken;
  });
}
