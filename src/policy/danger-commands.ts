/** Commands that lose work, reach other machines, or run what nobody has read. */
import { programName } from './interpreters.ts';

interface Check {
  readonly reason: string;
  readonly program: RegExp;
  /** What else must be true of the words behind the program; nothing when absent. */
  readonly when?: (args: readonly string[], program: string) => boolean;
}

const INTERPRETER =
  /^(?:(?:ba|z|k|c|tc|da|a|fi)?sh|pwsh|powershell|(?:python|pypy)w?|node|nodejs|bun|deno|ruby|perl|php|lua|luajit|osascript|tclsh|rscript)[\d.-]*$/;
const CONTAINERS = /^(?:docker|podman|nerdctl)$/;
/** Options that take code, alone or in a group as in `perl -pe`. Those of a script count for its interpreter, too. */
const INLINE_CODE: readonly { readonly program: RegExp; readonly letters: string; readonly long: readonly string[] }[] =
  [
    { program: /sh[\d.-]*$/, letters: 'c', long: ['--command'] },
    { program: /^(?:python|pypy)/, letters: 'c', long: [] },
    { program: /^(?:node|nodejs|bun|deno)/, letters: 'ep', long: ['--eval', '--print'] },
    { program: /^(?:perl|ruby|lua|luajit|rscript|osascript)/, letters: 'eE', long: [] },
    { program: /^php/, letters: 'rRBE', long: ['--run'] },
    { program: /^powershell/, letters: 'cCeE', long: [] },
  ];
/** `--upload-pack`, `--receive-pack`, `--exec`, `--config` and `--open-files-in-pager`, also cut short, and the address that is a program. */
const PROGRAM_OF_GIT =
  /^--(?:u|up|upl[a-z-]*|rece[a-z-]*|e|ex|exe|exec|conf[a-z-]*|open[a-z-]*)(?:=|$)|^(?:--[a-z-]+=)?ext::/;
/** `-c core.pager=…` behind the subcommand; `git commit -c HEAD` is something else. */
const SETTING = /^-c[\w-]+\.[^=]*=/;
/** Settings of git that name a program to run. */
const GIT_PROGRAMS =
  /^(?:alias\.|credential\.|filter\.|diff\..*(?:command|textconv)|merge\..*driver|core\.(?:hookspath|pager|editor|sshcommand|fsmonitor|askpass|gitproxy)|include|url\.|gpg\.|sequence\.editor|pager\.)/i;

/** Options by which ordinary programs are told to run another one, some of them by a file; cut short where the program takes that. */
const PROGRAM_OPTIONS: Readonly<Record<string, RegExp>> = {
  'npm|pnpm|yarn': /^--(?:scr|node-o|userc|globalc|config\.)/,
  cargo: /^--config(?:=|$)/,
  go: /^--?(?:exec|toolexec|vettool)(?:=|$)/,
  'kubectl|oc|helm': /^--kubeconfig(?:=|$)/,
  gradle: /^(?:-I|--init)/,
  rg: /^--(?:pre|hostname-bin)(?:=|$)/,
  'g?sort': /^--com/,
};

const CHECKS: readonly Check[] = [
  { reason: 'runs with other rights', program: /^(?:sudo|doas|su|pkexec|runuser)$/ },
  { reason: 'deletes files for good', program: /^rm$/, when: (args) => hasFlag(args, 'rRf', '--recursive', '--force') },
  { reason: 'deletes files for good', program: /^(?:shred|rimraf|srm)$/ },
  { reason: 'deletes the files it finds', program: /^g?find$/, when: (args) => args.includes('-delete') },
  { reason: 'empties files', program: /^truncate$/ },
  { reason: 'rewrites a branch on the server', program: /^git$/, when: isForcedPush },
  { reason: 'throws changes away', program: /^git$/, when: isDiscarding },
  { reason: 'has git run other programs', program: /^git$/, when: runsPrograms },
  { reason: 'has git write a file', program: /^git$/, when: (args) => hasWord(args, /^--output(?:=|$)/) },
  ...Object.entries(PROGRAM_OPTIONS).map(([program, option]) => ({
    ...{ reason: 'names a program to run', program: new RegExp(`^(?:${program})$`) },
    when: (args: readonly string[]) => hasWord(args, option),
  })),
  {
    reason: 'changes rights of a whole directory',
    program: /^(?:chmod|chown|chgrp|setfacl)$/,
    when: (args) => hasFlag(args, 'R', '--recursive'),
  },
  {
    reason: 'writes to disks',
    program: /^(?:dd|mkfs(?:\..*)?|mke2fs|fdisk|sfdisk|sgdisk|parted|wipefs|diskutil|newfs.*)$/,
  },
  {
    reason: 'changes what runs on this machine on its own',
    program: /^(?:crontab|at|batch|systemctl|launchctl|service|update-rc\.d|chkconfig)$/,
  },
  { reason: 'ends every process', program: /^kill$/, when: (args) => args.slice(1).includes('-1') },
  { reason: 'gives a container this machine', program: CONTAINERS, when: isUnconfined },
  {
    reason: 'publishes a package',
    program: /^(?:npm|pnpm|yarn|bun|cargo|poetry|uv|flit|hatch|vsce|lerna)$/,
    when: (args) => hasWord(args, /^(?:un)?publish$/),
  },
  { reason: 'publishes a package', program: /^twine$/, when: (args) => hasWord(args, /^upload$/) },
  { reason: 'publishes a package', program: /^gem$/, when: (args) => hasWord(args, /^(?:push|yank)$/) },
  { reason: 'changes releases', program: /^gh$/, when: (args) => hasWord(args, /^release$/) },
  {
    reason: 'deletes a repository',
    program: /^gh$/,
    when: (args) => hasWord(args, /^repo$/) && hasWord(args, /^delete$/),
  },
  { reason: 'deletes in a cluster', program: /^(?:kubectl|oc)$/, when: (args) => hasWord(args, /^(?:delete|drain)$/) },
  {
    reason: 'deletes in a cluster',
    program: /^helm$/,
    when: (args) => hasWord(args, /^(?:un-?install|delete|del|un)$/),
  },
  {
    reason: 'changes infrastructure',
    program: /^(?:terraform|tofu|terragrunt|pulumi|cdk)$/,
    when: (args) => hasWord(args, /^(?:destroy|apply|up|deploy)$/),
  },
  { reason: 'sends a file away', program: /^curl$/, when: isCurlUpload },
  {
    reason: 'sends a file away',
    program: /^wget$/,
    when: (args) => hasWord(args, /^--(?:post-f|body-f)/),
  },
  { reason: 'sends files to other machines', program: /^(?:scp|sftp|rclone)$/ },
  {
    reason: 'sends files to other machines',
    program: /^rsync$/,
    when: (args) => hasWord(args, /^[^-/.][^/]*:|^rsync:/),
  },
  { reason: 'runs code that is not written here', program: /^(?:eval|exec|source|\.)$/ },
  {
    reason: 'decodes text that cannot be read here',
    program: /^g?base(?:64|32|nc)$/,
    when: (args) => hasFlag(args, 'dD', '--decode'),
  },
  { reason: 'decodes text that cannot be read here', program: /^xxd$/, when: (args) => hasFlag(args, 'r', '--revert') },
  {
    reason: 'runs code that it is given as text',
    program: INTERPRETER,
    when: (args, program) => isInlineCode(program, args),
  },
  { reason: 'runs code that it is given as input', program: INTERPRETER, when: (args) => hasWord(args, /^(?:-|<.*)$/) },
  { reason: 'opens a port', program: /^(?:nc|ncat|netcat)(?:\..*)?$/, when: (args) => hasFlag(args, 'l', '--listen') },
  { reason: 'opens a port', program: /^socat$/, when: (args) => hasWord(args, /listen|^pty/i) },
  {
    reason: 'opens a port',
    program: /^python[\d.]*$/,
    when: (args) => hasWord(args, /^(?:-m)?(?:http\.server|simplehttpserver)$/i),
  },
  { reason: 'opens a port', program: /^php[\d.]*$/, when: (args) => hasFlag(args, 'S') },
  { reason: 'opens a port', program: /^ssh$/, when: (args) => hasFlag(args, 'R') },
];

/** Why a command (`words`, from the program on) is dangerous; undefined when nothing is known against it. */
export function dangerOfWords(words: readonly string[]): string | undefined {
  const program = programName(words[0] ?? '');
  const checks = CHECKS.filter((check) => check.program.test(program));
  if (checks.length === 0) return undefined;
  const args = words.slice(1);
  return checks.find(({ when }) => when === undefined || when(args, program))?.reason;
}

/** Whether a program runs what it reads. */
export function isInterpreter(word: string): boolean {
  return INTERPRETER.test(programName(word));
}

/** One of the letters in a group of short options (`-rf`), or a long option, which may be cut short (`--recurs`). */
function hasFlag(args: readonly string[], letters: string, ...long: readonly string[]): boolean {
  return args.some((arg) => {
    if (/^-[^-]/.test(arg)) return [...letters].some((letter) => arg.slice(1).includes(letter));
    const name = arg.split('=', 1)[0] ?? '';
    return name.length > 2 && long.some((each) => each.startsWith(name));
  });
}

function hasWord(args: readonly string[], pattern: RegExp): boolean {
  return args.some((arg) => pattern.test(arg));
}

function isForcedPush(args: readonly string[]): boolean {
  return (
    args.includes('push') &&
    (hasFlag(args, 'fd', '--force', '--force-with-lease', '--delete', '--mirror', '--prune') || hasWord(args, /^[+:]./))
  );
}

function isDiscarding(args: readonly string[]): boolean {
  if (args.includes('reset')) return hasFlag(args, '', '--hard', '--merge');
  if (args.includes('clean')) return hasFlag(args, 'fdxX', '--force') && !hasFlag(args, 'n', '--dry-run');
  return args.includes('filter-branch') || args.includes('filter-repo');
}

/** Settings for one call (`git -c core.pager=…`), and options that name a program on this or the other side. */
function runsPrograms(args: readonly string[]): boolean {
  const command = args.findIndex((arg, index) => !arg.startsWith('-') && args[index - 1] !== '-C');
  const options = command < 0 ? args : args.slice(0, command);
  if (hasWord(options, /^(?:-c|--config-env|--exec-path=)/)) return true;
  if (hasWord(args, PROGRAM_OF_GIT)) return true;
  if (args.some((arg, index) => SETTING.test(args[index - 1] === '-c' ? `-c${arg}` : arg))) return true;
  if (args.includes('grep') && hasWord(args, /^-O/)) return true;
  // `-u` is what runs on the other side, and a template holds hooks.
  if (args.includes('clone') && hasWord(args, /^-[a-z]*u/)) return true;
  if ((args.includes('clone') || args.includes('init')) && hasWord(args, /^--te/)) return true;
  return args.includes('config') && hasWord(args, GIT_PROGRAMS);
}

function isUnconfined(args: readonly string[]): boolean {
  return (
    hasWord(args, /^(?:--privileged(?:=true)?|--pid=host|--cap-add.*|--userns=host|.*docker\.sock.*)$/) ||
    hasWord(args, /^(?:-v|--volume=)?["']?\/:/) ||
    hasWord(args, /(?:^|,)(?:src|source)=\/(?:,|$)/)
  );
}

function isCurlUpload(args: readonly string[]): boolean {
  return args.some((arg, index) => {
    if (arg.startsWith('--upload-f') || /^-[a-zA-Z#]*T/.test(arg)) return true;
    const option = /^(?:-[a-zA-Z#]*[dF]|--(?:data|form|json)[a-z-]*)/.exec(arg)?.[0];
    if (option === undefined) return false;
    // `-d@file`, `--data=@file`, `-F name=@file`, `--data-urlencode name@file`
    const value = arg.length > option.length ? arg.slice(option.length) : (args[index + 1] ?? '');
    return /^=?[@<]|=[@<]/.test(value) || (option.includes('urlencode') && value.includes('@'));
  });
}

function isInlineCode(program: string, args: readonly string[]): boolean {
  const options = INLINE_CODE.find((each) => each.program.test(program));
  return options !== undefined && (hasFlag(args, options.letters, ...options.long) || args[0] === 'eval');
}
