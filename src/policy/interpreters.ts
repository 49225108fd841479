/** Programs whose arguments are other programs. */

/**
 * They run what they are given, or a program that an option names. `make` is one of them: `make --eval=…` and
 * `make SHELL=…` run any command; so do `sed` (its `e`, and `w` writes files), `awk` (`system`), `find` (`-exec`),
 * `tar` (`--to-command`), and editors and pagers (`!`). `tee` writes to any file.
 */
const RUNS_ARGUMENTS = new Set(
  `sudo doas su runuser pkexec env xargs parallel nohup setsid stdbuf time timeout gtimeout nice ionice chrt taskset
  watch caffeinate script strace ltrace gdb lldb flock chroot unshare nsenter busybox toybox exec eval source . command
  builtin trap alias noglob nocorrect coproc bash sh zsh fish dash ksh ash csh tcsh pwsh powershell cmd osascript
  expect node nodejs bun deno tsx ts-node ruby irb perl php lua luajit rscript r java groovy julia elixir erl ghci
  tclsh npx bunx pnpx uvx pipx bundle ssh mosh docker-compose find fd awk gawk mawk nawk sed gsed make gmake just
  tee tar rsync vi vim nvim emacs ed ex less more man nix-shell direnv mise asdf entr hyperfine socat`.split(/\s+/),
);
/** With a version behind the name: `python3.12`, `node20`, `lua5.4`. */
const VERSIONED = /^(?:python|pypy|pip|node|ruby|perl|php|lua|bash|zsh)[\d.-]+$|^(?:python|pypy)w?$/;

/** Programs that do so with one of their subcommands. */
const RUNS_BY_SUBCOMMAND: Readonly<Record<string, ReadonlySet<string>>> = {
  npm: new Set(['exec', 'x', 'explore', 'init', 'create']),
  yarn: new Set(['dlx', 'exec', 'node', 'create']),
  pnpm: new Set(['dlx', 'exec', 'create']),
  uv: new Set(['run', 'tool', 'x']),
  poetry: new Set(['run']),
  pipenv: new Set(['run']),
  conda: new Set(['run']),
  nix: new Set(['run', 'shell', 'develop']),
  go: new Set(['run', 'generate']),
  cargo: new Set(['run']),
  docker: new Set(['run', 'exec', 'compose', 'container']),
  podman: new Set(['run', 'exec', 'compose', 'container']),
  nerdctl: new Set(['run', 'exec', 'compose', 'container']),
  kubectl: new Set(['run', 'exec', 'debug']),
  git: new Set(['bisect', 'rebase', 'submodule', 'filter-branch', 'difftool', 'mergetool', 'config', 'alias']),
};

/**
 * Whether a command can be made to run any other one by what follows its first words, so that a rule about those words
 * would allow everything. Paths count by their last part: `/usr/bin/env`. A program with subcommands that begins with
 * an option counts, too: `git -c core.pager=…`.
 */
export function isInterpreterOrWrapper(words: readonly string[]): boolean {
  const name = programName(words[0] ?? '');
  if (RUNS_ARGUMENTS.has(name) || VERSIONED.test(name)) return true;
  const subcommands = Object.hasOwn(RUNS_BY_SUBCOMMAND, name) ? RUNS_BY_SUBCOMMAND[name] : undefined;
  const second = (words[1] ?? '').toLowerCase();
  return subcommands !== undefined && (second.startsWith('-') || subcommands.has(second));
}

/** `/usr/bin/Env.exe` -> `env`: file systems may ignore case. */
export function programName(word: string): string {
  return word
    .slice(Math.max(word.lastIndexOf('/'), word.lastIndexOf('\\')) + 1)
    .toLowerCase()
    .replace(/\.(exe|cmd|bat)$/, '');
}
