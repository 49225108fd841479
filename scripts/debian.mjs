/**
 * Programs that tests run for real and npm does not bring: PostgreSQL, Chromium, zsh, fish and curl. Where this is root on Debian they
 * are installed; elsewhere it is said which are missing, and the tests that need them say so, too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';

const CLUSTERS = '/etc/postgresql-common/createcluster.conf';

/** By package: whether what the tests look for is there. */
const WANTED = {
  'postgresql-15': () =>
    existsSync('/opt/homebrew/opt/postgresql@15/bin/initdb') ||
    (existsSync('/usr/lib/postgresql') &&
      readdirSync('/usr/lib/postgresql').some(
        (version) => Number(version) >= 15 && existsSync(`/usr/lib/postgresql/${version}/bin/initdb`),
      )),
  chromium: () => existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium'),
  zsh: () => isOnPath('zsh'),
  fish: () => isOnPath('fish'),
  curl: () => isOnPath('curl'),
};

export function ensurePrograms() {
  const missing = Object.keys(WANTED).filter((name) => !WANTED[name]());
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && isOnPath('apt-get')) install(missing);
  const left = missing.filter((name) => !WANTED[name]());
  if (left.length > 0) console.error(`Not installed, and tests need them: ${left.join(', ')}`);
}

function install(packages) {
  // The package would start a server of its own.
  if (!existsSync(CLUSTERS)) {
    mkdirSync('/etc/postgresql-common', { recursive: true });
    writeFileSync(CLUSTERS, 'create_main_cluster = false\n');
  }
  apt(['update', '-q']);
  apt(['install', '-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...packages]);
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  if (status !== 0) console.error(`apt-get ${args[0]} failed: ${`${stdout}${stderr}`.slice(-800)}`);
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(`${folder}/${name}`));
}
