/** The port of `--http`, which only the daemon and who starts it for that have to understand. */
import { AppError } from './errors.ts';
import type { Settings } from './settings.ts';

/** Undefined without `--http`. Throws AppError('bad-config') for what is no port; 0 is none. */
export function httpPortOf({ http }: Pick<Settings, 'http'>): number | undefined {
  if (http === undefined) return undefined;
  const port = /^\d{1,5}$/.test(http) ? Number(http) : 0;
  if (port < 1 || port > 65_535)
    throw new AppError('bad-config', `Expected http to be a port from 1 to 65535, got ${JSON.stringify(http)}`);
  return port;
}
