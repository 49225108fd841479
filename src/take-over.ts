/** A daemon that takes the place of the one that runs: of an older version, or with other tokens or another config file. */
import { type ConnectionEvents, meet, tryConnect, type Wanted } from './daemon.ts';
import { readRecord } from './daemon-record.ts';
import { AppError } from './errors.ts';
import { readReply } from './protocol.ts';
import { encodeRetire } from './protocol-daemon.ts';

/** The hook that wants the new daemon waits 1.5 s for all of it. */
const ANSWER_MS = 500;

const NOBODY: ConnectionEvents = { onLine: () => {}, onBroken: () => {}, onClose: () => {} };

/**
 * Asks the running daemon to make room. False when there is no need to: it is gone, or another one has come that will do.
 * Throws AppError('daemon-mismatch') when it does not understand, and what `check` throws.
 * @param check whether our tokens work: who cannot do better must not take the place
 */
export async function askToRetire(wanted: Wanted, check: () => Promise<void>): Promise<boolean> {
  const until = performance.now() + ANSWER_MS;
  const meeting = await meet(wanted, () => until - performance.now(), NOBODY);
  if (meeting.state === 'ready') meeting.connection.close();
  if (meeting.state !== 'outdated') return false;
  if (meeting.hasOtherSettings) await check();
  const socket = readRecord(wanted.paths.record)?.socket;
  if (socket === undefined) return false;
  const answer = Promise.withResolvers<boolean>();
  const events: ConnectionEvents = {
    onLine: (line) => answer.resolve(readReply(line).type === 'retiring'),
    onBroken: () => answer.resolve(false),
    onClose: () => answer.resolve(true),
  };
  const connection = await tryConnect(socket, events);
  if (connection === undefined) return true;
  connection.send(encodeRetire());
  const isRetiring = await Promise.race([answer.promise, Bun.sleep(ANSWER_MS).then(() => false)]);
  connection.close();
  if (!isRetiring)
    throw new AppError('daemon-mismatch', 'The running daemon is of another version and does not make room');
  return true;
}
