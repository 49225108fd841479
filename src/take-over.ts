/** A daemon that takes the place of the one that runs: of an older version, or with other tokens or another config file. */
import { askOnce } from './ask-once.ts';
import { IGNORED, meet, type Wanted } from './daemon.ts';
import { readRecord } from './daemon-record.ts';
import { AppError } from './errors.ts';
import { encodeRetire } from './protocol-daemon.ts';

/** The hook that wants the new daemon waits 1.5 s for all of it. */
const ANSWER_MS = 500;

/**
 * Asks the running daemon to make room. False when there is no need to: it is gone, or another one has come that will do.
 * Throws AppError('daemon-mismatch') when it does not understand, and what `check` throws.
 * @param check whether our tokens work: who cannot do better must not take the place
 * @param mustGo it makes room even when it would do
 */
export async function askToRetire(wanted: Wanted, check: () => Promise<void>, mustGo = false): Promise<boolean> {
  const until = performance.now() + ANSWER_MS;
  const meeting = await meet(wanted, () => until - performance.now(), IGNORED);
  if (meeting.state === 'ready') meeting.connection.close();
  if (meeting.state === 'absent' || (meeting.state === 'ready' && !mustGo)) return false;
  if (meeting.state === 'outdated' && meeting.hasOtherSettings) await check();
  const socket = readRecord(wanted.paths.record)?.socket;
  if (socket === undefined) return false;
  const reply = await askOnce(socket, encodeRetire(), ANSWER_MS);
  const hasGone = reply === 'absent' || reply === 'closed';
  if (!hasGone && (reply === 'silent' || reply.type !== 'retiring'))
    throw new AppError('daemon-mismatch', 'The running daemon is of another version and does not make room');
  return true;
}
