/** Can this runtime keep a Slack connection at all? */
import * as undici from 'undici';
import { AppError } from '../errors.ts';

/** The first Bun whose `undici` has what the Socket Mode library pings with; older ones reconnect every 1.7 s (oven-sh/bun#37110). */
const MIN_BUN = [1, 4, 4] as const;

export interface Runtime {
  /** `process.versions.bun` */
  readonly bun: string | undefined;
  readonly canPing: boolean;
}

/** Throws AppError('runtime-too-old'). */
export function checkRuntime(runtime: Runtime = currentRuntime()): void {
  const { bun, canPing } = runtime;
  if (bun === undefined)
    throw new AppError('runtime-too-old', `Expected Bun ${MIN_BUN.join('.')} or newer, got no Bun`);
  if (!canPing || isOlder(bun)) {
    throw new AppError('runtime-too-old', `Expected Bun ${MIN_BUN.join('.')} or newer, got ${bun}`);
  }
}

function currentRuntime(): Runtime {
  return { bun: process.versions.bun, canPing: typeof Reflect.get(undici, 'ping') === 'function' };
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  for (const [index, wanted] of MIN_BUN.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
