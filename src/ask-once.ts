/** One question to a daemon and its answer, for those who want nothing else of it. */
import { tryConnect } from './daemon.ts';
import { type Reply, readReply } from './protocol.ts';

/**
 * Connects, sends one line and waits for one reply. `absent`: nobody listens; `closed`: the daemon went without a word;
 * `silent`: it said nothing in time, or nothing that can be understood.
 * Throws AppError('socket-dir') when it is another user who listens.
 * @param socket path of the Unix socket
 * @param line with its line break
 * @param ms how long to wait for the reply
 */
export async function askOnce(
  socket: string,
  line: string,
  ms: number,
): Promise<Reply | 'absent' | 'closed' | 'silent'> {
  const answer = Promise.withResolvers<Reply | 'closed' | 'silent'>();
  const connection = await tryConnect(socket, {
    onLine: (text) => answer.resolve(understood(text)),
    onBroken: () => answer.resolve('silent'),
    onClose: () => answer.resolve('closed'),
  });
  if (connection === undefined) return 'absent';
  connection.send(line);
  const late = setTimeout(() => answer.resolve('silent'), ms);
  const reply = await answer.promise;
  clearTimeout(late);
  connection.close();
  return reply;
}

function understood(text: string): Reply | 'silent' {
  try {
    return readReply(text);
  } catch {
    return 'silent';
  }
}
