/** A PostgreSQL server of the tests' own: real, private, on a free port of loopback, gone when they are. */

import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Subprocess, spawnSync } from 'bun';

export interface PostgresCluster {
  /** The superuser's password, to look for in what must not hold it. */
  readonly password: string;
  readonly port: number;
  /** An address of a database there, as the superuser or as somebody else. */
  url(database: string, user?: string): string;
  /** Runs statements with psql; what they print, unaligned, without headers. */
  psql(database: string, statements: string): string;
  /** A new empty database; its address. */
  createDatabase(name: string): string;
  start(): Promise<void>;
  /** `immediate` is what a crash looks like: nobody is told goodbye. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Stops it and removes everything. */
  remove(): Promise<void>;
}

const USER = 'csh_test';
const PASSWORD = 'pg-test-5ecret';
const PACKAGES = '/usr/lib/postgresql';
/** Debian's `nobody`: where there is no user of the package's own. */
const NOBODY = 65_534;

/**
 * @param isDurable as a real server is: what it says it has written reaches the disk
 * @throws Error when there is no PostgreSQL; see scripts/debian.mjs
 */
export async function createPostgresCluster({ isDurable = false } = {}): Promise<PostgresCluster> {
  const bin = findPrograms();
  if (bin === undefined)
    throw new Error('Expected PostgreSQL 15 or newer for the tests, got none: apt-get install postgresql-15');
  const directory = mkdtempSync(join(tmpdir(), 'csh-postgres-'));
  const data = join(directory, 'data');
  const port = await freePort();
  const owner = unprivilegedOwner(directory);
  let server: Subprocess<'ignore', 'ignore', 'pipe'> | undefined;

  const start = async (): Promise<void> => {
    // A server whose starter was killed ends with it: nothing stays behind.
    const bound = process.platform === 'linux' ? [...as(owner), '--pdeathsig=QUIT'] : [];
    const options = ['-p', String(port), '-k', directory, '-h', '127.0.0.1'];
    const settings = [
      // Nothing of the tests' outlives the machine, so that nothing must reach its disk.
      ...(isDurable ? ['shared_buffers=256MB'] : ['fsync=off', 'shared_buffers=64MB']),
      'max_connections=60',
      'logging_collector=off',
      'log_min_messages=log',
    ];
    server = Bun.spawn(
      [...bound, join(bin, 'postgres'), '-D', data, ...options, ...settings.flatMap((each) => ['-c', each])],
      { cwd: '/', stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', env: { ...process.env, LC_ALL: 'C' } },
    );
    await readyOf(server);
  };
  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    const stopping = server;
    server = undefined;
    stopping?.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await stopping?.exited;
  };
  const url = (database: string, user = USER): string => `postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const psql = (database: string, statements: string): string =>
    run([join(bin, 'psql'), '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-c', statements, url(database)]).trim();

  const removeFiles = (): void => rmSync(directory, { recursive: true, force: true });
  // Tests that break off do not come to `remove`.
  process.once('exit', removeFiles);

  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(passwordFile, owner.uid, owner.gid);
  const locale = ['--encoding=UTF8', '--locale=C'];
  run([
    ...as(owner),
    join(bin, 'initdb'),
    '-D',
    data,
    '-U',
    USER,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--no-sync',
    ...locale,
  ]);
  await start();
  return {
    password: PASSWORD,
    port,
    url,
    psql,
    createDatabase(name) {
      psql('postgres', `create database ${name}`);
      return url(name);
    },
    start,
    stop,
    async remove() {
      await stop('immediate');
      process.off('exit', removeFiles);
      removeFiles();
    },
  };
}

/** The newest server programs from 15 on. */
function findPrograms(): string | undefined {
  const versions = existsSync(PACKAGES) ? readdirSync(PACKAGES).map(Number) : [];
  const places = versions
    .filter((version) => version >= 15)
    .sort((a, b) => b - a)
    .map((version) => join(PACKAGES, String(version), 'bin'));
  return [...places, '/opt/homebrew/opt/postgresql@15/bin'].find((place) => existsSync(join(place, 'initdb')));
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** initdb and the server refuse to run as root: another user then owns the directory. */
function unprivilegedOwner(directory: string): Owner {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const idOf = (flag: string): number => {
    const known = spawnSync(['id', flag, 'postgres']);
    return known.success ? Number(known.stdout.toString()) : NOBODY;
  };
  const owner = { uid: idOf('-u'), gid: idOf('-g') };
  chmodSync(directory, 0o700);
  chownSync(directory, owner.uid, owner.gid);
  return owner;
}

function as({ uid, gid }: Owner): readonly string[] {
  if (process.platform !== 'linux') return [];
  return process.getuid?.() === 0 ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : ['setpriv'];
}

function run(command: readonly string[], env: Record<string, string | undefined> = process.env): string {
  const { success, stdout, stderr } = spawnSync([...command], { cwd: '/', env });
  if (!success) throw new Error(`Expected ${command[0]} to succeed, got: ${stderr.toString().slice(-800)}`);
  return stdout.toString();
}

/** Resolves when the server says that it takes connections, and goes on reading what it says. */
async function readyOf(server: Subprocess<'ignore', 'ignore', 'pipe'>): Promise<void> {
  const reader = server.stderr.getReader();
  const decoder = new TextDecoder();
  let said = '';
  while (!said.includes('ready to accept connections')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Expected PostgreSQL to start, got: ${said.slice(-800)}`);
    said += decoder.decode(value, { stream: true });
  }
  const drain = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  drain().catch(() => undefined);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
