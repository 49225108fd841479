/** `keys`: who may send events to the collector and read them. */
import { createKey, readKeys, revokeKey, SCOPES, type Scope } from '../collector/keys.ts';
import { AppError } from '../errors.ts';
import { keysFile } from '../event-stores.ts';
import { statePaths } from '../state.ts';
import type { Said } from '../types.ts';
import { localTime } from './times.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

/** Throws AppError('usage' | 'state-dir'). */
export function runKeys(word: string | undefined, flags: Flags, env: Environment): Said {
  process.umask(0o077);
  const path = keysFile(statePaths(env));
  if (word === 'create') return create(path, flags);
  if (word === 'revoke') return revoke(path, flags);
  return list(path, flags);
}

function create(path: string, flags: Flags): Said {
  const { name = 'unnamed', project, rate } = flags;
  const wish = {
    name: String(name),
    scopes: scopesOf(flags.scope),
    ...(typeof project === 'string' ? { project } : {}),
    ...(typeof rate === 'string' ? { rate: rateOf(rate) } : {}),
  };
  const { key, stored } = createKey(path, wish, Date.now());
  const about = `Key ${stored.id} (${stored.scopes.join(', ')}); it is shown this once and kept nowhere.\n`;
  return { stdout: `${key}\n`, stderr: about, exitCode: 0 };
}

function revoke(path: string, { id }: Flags): Said {
  if (typeof id !== 'string') throw new AppError('usage', 'Expected "keys revoke ID", got no id');
  if (!revokeKey(path, id, Date.now()))
    throw new AppError('usage', `Expected the id of a key that is valid, got ${JSON.stringify(id)}`, {
      hint: 'Run claude-slack-hook keys list.',
    });
  return { stdout: `Key ${id} is revoked.\n`, stderr: '', exitCode: 0 };
}

function list(path: string, { json }: Flags): Said {
  const keys = readKeys(path).map(({ hash: _hash, ...rest }) => rest);
  if (json === true) return { stdout: `${JSON.stringify({ keys })}\n`, stderr: '', exitCode: 0 };
  const lines = keys.map(({ id, name, scopes, project, rate, createdAt, revokedAt }) =>
    [
      id,
      scopes.join(','),
      project === undefined ? 'all projects' : `project ${project}`,
      ...(rate === undefined ? [] : [`${rate} events/s`]),
      revokedAt === undefined
        ? `since ${localTime(Date.parse(createdAt))}`
        : `revoked ${localTime(Date.parse(revokedAt))}`,
      name,
    ].join('  '),
  );
  return { stdout: lines.length === 0 ? 'There are no keys.\n' : `${lines.join('\n')}\n`, stderr: '', exitCode: 0 };
}

function scopesOf(value: string | true | undefined): readonly Scope[] {
  if (typeof value !== 'string') return ['ingest', 'read'];
  const wanted = value.split(',').map((part) => part.trim());
  const scopes = SCOPES.filter((scope) => wanted.includes(scope));
  if (scopes.length !== wanted.length)
    throw new AppError('usage', `Expected --scope to be some of ${SCOPES.join(',')}, got ${JSON.stringify(value)}`);
  return scopes;
}

function rateOf(value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new AppError('usage', `Expected --rate to be a number of events a second, got ${JSON.stringify(value)}`);
}
