/** Which beginnings of commands may become a rule: `npm test *` may, `rm *` may not. */
import { dangerOfWords } from './danger-commands.ts';
import { isInterpreterOrWrapper, programName } from './interpreters.ts';
import { simpleCommand } from './shell.ts';

/** The longest beginning that a person can judge at a glance. */
const MAX_PREFIX = 200;

const NEVER: readonly { readonly why: string; readonly programs: ReadonlySet<string> }[] = [
  {
    why: 'changes or deletes any file',
    programs: set(
      'rm rmdir mv cp ln dd install shred truncate unlink rename split csplit patch unzip cpio ditto chmod chown chgrp chattr setfacl',
    ),
  },
  {
    why: 'sends anything anywhere',
    programs: set('curl wget nc ncat netcat telnet ftp sftp scp rclone http https xh aria2c mail sendmail'),
  },
  { why: 'ends any program', programs: set('kill skill xkill') },
  {
    why: 'changes the machine',
    programs: set(
      `mount umount reboot shutdown halt poweroff crontab at batch systemctl launchctl service ufw iptables nft sysctl
      modprobe insmod useradd usermod userdel passwd chpasswd visudo chsh defaults security spctl csrutil brew apt
      apt-get dnf yum apk pacman zypper snap flatpak port`,
    ),
  },
  {
    why: "installs and runs other people's programs",
    programs: set('pip pip3 pipx gem composer conda mamba poetry uv bundle luarocks cpan'),
  },
  {
    why: 'changes what others use',
    programs: set(
      `aws gcloud az doctl heroku vercel netlify fly flyctl firebase supabase wrangler terraform tofu terragrunt pulumi
      cdk helm ansible ansible-playbook glab hub serverless sls`,
    ),
  },
  {
    why: 'runs whatever it is given',
    programs: set(
      'psql mysql mariadb sqlite3 mongosh mongo redis-cli open xdg-open start dbus-send gdbus export set declare',
    ),
  },
  { why: 'starts or steers an agent', programs: set('claude codex gemini cursor cursor-agent claude-slack-hook') },
];

/** Programs whose subcommands are too different for one rule, and those that a rule may begin with. */
const SUBCOMMANDS: Readonly<Record<string, ReadonlySet<string>>> = {
  git: new Set(
    'add blame commit describe diff fetch init log ls-files ls-tree merge-base rev-list rev-parse shortlog show status'.split(
      ' ',
    ),
  ),
  npm: set('test t run run-script start ls list outdated view explain'),
  pnpm: set('test t run start list ls outdated why lint build typecheck'),
  yarn: set('test run start list info why lint build typecheck'),
  cargo: set('build check test clippy fmt doc bench tree metadata'),
  go: set('build test vet fmt list version doc'),
  docker: set('ps images logs inspect version'),
  podman: set('ps images logs inspect version'),
  nerdctl: set('ps images logs inspect version'),
  kubectl: set('get describe logs top explain version'),
  gh: new Set(
    ['pr', 'issue', 'run', 'repo'].flatMap((what) =>
      ['view', 'list', 'diff', 'checks', 'status'].map((verb) => `${what} ${verb}`),
    ),
  ),
  dotnet: set('build test format'),
  mvn: set('test compile verify'),
  gradle: set('test build check'),
  gradlew: set('test build check'),
  rake: set('test'),
};

/** Why no rule may begin with these words; undefined when one may. */
export function prefixProblem(prefix: string): string | undefined {
  const words = simpleCommand(prefix);
  if (words === undefined) return 'is not one simple command';
  if (prefix.length > MAX_PREFIX) return 'is too long to judge';
  const [first = '', second = '', third = ''] = words;
  const name = programName(first);
  if (isInterpreterOrWrapper(words)) return 'runs any other program';
  if (isEnder(name)) return 'ends any program';
  const never = NEVER.find(({ programs }) => programs.has(name));
  if (never !== undefined) return never.why;
  const subcommands = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (subcommands !== undefined && !subcommands.has(second) && !subcommands.has(`${second} ${third}`)) {
    return 'stands for very different commands';
  }
  return dangerOfWords(words);
}

/** Programs that end others by their names. */
function isEnder(name: string): boolean {
  return /^p?kill(?:all5?)?$/.test(name);
}

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/));
}
