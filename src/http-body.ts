/** The body of a request over HTTP, of bounded size. How long it may take is bounded by the server. */
import type { IncomingMessage } from 'node:http';
import { AppError } from './errors.ts';
import type { Document } from './stdin.ts';

/** What is too large is read on up to here, and thrown away: a client that still sends does not hear the answer. As much as `--max-input` can be. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;

/**
 * Reads the body to its end. Never rejects: what is broken, too large or cut off comes back as `ok: false` with what was read.
 * @param maxBytes of more than this only the beginning is kept
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  onRead?: (bytes: number) => void,
): Promise<Document> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const fail = (code: 'bad-input' | 'input-too-large', message: string, cause?: unknown): Document => ({
    ok: false,
    error: new AppError(code, message, { cause }),
    text: new TextDecoder().decode(Buffer.concat(chunks)),
  });
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      if (bytes < maxBytes) chunks.push(chunk.subarray(0, maxBytes - bytes));
      bytes += chunk.byteLength;
      onRead?.(chunk.byteLength);
      if (bytes > MAX_DISCARDED_BYTES) break;
    }
  } catch (error) {
    return fail('bad-input', 'Expected a whole body, got its beginning', error);
  }
  if (bytes > maxBytes) return fail('input-too-large', `Expected a body of at most ${maxBytes} bytes, got more`);
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) };
  } catch (error) {
    return fail('bad-input', 'Expected one JSON document in UTF-8 as the body, got something else', error);
  }
}
