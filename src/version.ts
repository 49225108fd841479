import { version } from '../package.json' with { type: 'json' };
import { testVariable } from './test-build.ts';

export const VERSION: string = testVariable('CSH_VERSION') ?? version;

export function isOlder(version: string, than: string): boolean {
  return version !== than && Bun.semver.order(version, than) < 0;
}
