/** The name of this installation. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { StatePaths } from './state.ts';

/**
 * A random name of this installation, made once. Buttons carry it, so that a click that Slack hands to another
 * machine's daemon of the same app is recognised there instead of being taken for a forgery.
 */
export function instanceId(paths: StatePaths): string {
  try {
    const isFile = lstatSync(paths.instance).isFile();
    const kept = isFile ? readFileSync(paths.instance, 'utf8').trim() : '';
    if (/^[a-f0-9]{12}$/.test(kept)) return kept;
  } catch {
    // Not made yet.
  }
  const made = randomBytes(6).toString('hex');
  try {
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    writeFileSync(paths.instance, `${made}\n`, { mode: 0o600, flag: 'wx' });
  } catch {
    // An unwritable state directory is reported when the first record fails; until then a name for this run will do.
  }
  return made;
}
