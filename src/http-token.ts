/** The token of the HTTP door: made once for each Slack app, and kept, because the agent's settings hold it. */
import { randomBytes } from 'node:crypto';
import { writeAtomically } from './daemon-files.ts';
import { readSmallFile } from './file-status.ts';
import { ownFileExists } from './socket.ts';
import type { AppPaths } from './state.ts';

/** 256 bits. */
const TOKEN_BYTES = 32;

/** There once the app's daemon was started with `--http`. */
export function httpTokenFile({ dir }: AppPaths): string {
  return `${dir}/http-token`;
}

/**
 * The token that is in the file, or a new one, which is written there with mode 0600.
 * Throws AppError('state-dir') for a file that somebody else owns or can read, or that cannot be written.
 */
export function tokenIn(path: string): string {
  const kept = ownFileExists(path) ? (readSmallFile(path) ?? '').trim() : '';
  if (/^[0-9a-f]{64}$/.test(kept)) return kept;
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  writeAtomically(path, `${token}\n`);
  return token;
}
