/** Going on with the next daemon when one has ended before it answered. Loaded only then. */
import { decide, type Question, wantedIfAny } from './asking.ts';
import { AppError } from './errors.ts';
import { fileStatus } from './file-status.ts';
import { patienceUntil } from './patience.ts';
import type { Outcome } from './types.ts';

/** Once a request was sent, the next daemon may take longer to come up: the agent waits for a person anyway. */
const AGAIN_MS = 5_000;
/** So many daemons one after the other that end before they answer are no accident. */
const MAX_DAEMONS = 5;
/** It ended, or was about to. */
const LEFT_BY_DAEMON: ReadonlySet<string> = new Set(['daemon-gone', 'daemon-stopping']);

/**
 * Asks again, with the same id, where `error` says that the request was left to the next daemon. The settings are read again
 * each time: they may be why there is another daemon. Rejects with the last error.
 */
export async function comeBack(question: Question, id: string, error: unknown): Promise<Outcome | undefined> {
  let last = error;
  for (let left = MAX_DAEMONS - 1; left > 0; left -= 1) {
    const isLeft = last instanceof AppError && LEFT_BY_DAEMON.has(last.code);
    if (!isLeft || wasStopped(question)) break;
    const patience = patienceUntil(performance.now() + AGAIN_MS);
    try {
      return await decide({ ...question, settings: question.getSettings() }, { id, patience, isBack: true });
    } catch (again) {
      last = again;
    }
  }
  throw last;
}

/** Whether the daemon was killed by `--stop`. */
function wasStopped({ getSettings, env }: Question): boolean {
  const wanted = wantedIfAny(getSettings, env);
  return wanted === undefined || fileStatus(wanted.paths.stopped) !== undefined;
}
