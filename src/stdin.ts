/** Reading one JSON document from stdin without waiting for its end, and making out the event of a broken one. */
import { AppError } from './errors.ts';

/** What stdin held, as far as it was read: the document, or why it is none. */
export type Document =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: AppError; readonly text: string };

/** Below this nobody has to look up what the settings say, before it is known that an answer is needed at all. */
const LARGE_BYTES = 65_536;
/** Also a process that got no processor for long must read what is there: only then it knows its event. */
const LEAST_MS = 100;

/**
 * Reads stdin until one whole JSON document has arrived, or its end, whichever is first.
 * Never rejects: empty, broken, late and oversized input come back as `ok: false` with what was read.
 * @param maxBytes more than this is refused at once; asked only of what is large
 * @param boundMs the longest wait for the document
 */
export async function readDocument(maxBytes: () => number, boundMs: number): Promise<Document> {
  const chunks: Uint8Array[] = [];
  const fail = (code: 'bad-input' | 'input-too-large', message: string, cause?: unknown): Document => ({
    ok: false,
    error: new AppError(code, message, { cause }),
    text: new TextDecoder().decode(Buffer.concat(chunks)),
  });
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, Math.max(LEAST_MS, boundMs));
  try {
    // Bun's own stream: node:fs costs every call 1 ms and 6 MB, and a blocking read could not be bounded in time.
    const reader = Bun.stdin.stream().getReader();
    for (let bytes = 0; ; ) {
      const next = await Promise.race([reader.read(), late.promise]);
      if (next === undefined)
        return fail('bad-input', `Expected a JSON document on stdin within ${Math.round(boundMs)} ms`);
      if (next.done) return parse(chunks);
      chunks.push(next.value);
      bytes += next.value.byteLength;
      if (bytes > LARGE_BYTES && bytes > maxBytes())
        return fail('input-too-large', `Expected at most ${maxBytes()} bytes on stdin, got more`);
      const document = mayBeWhole(next.value) ? parse(chunks) : undefined;
      if (document?.ok) return document;
    }
  } catch (error) {
    return fail('bad-input', `Cannot read stdin: ${error instanceof Error ? error.message : String(error)}`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** A document is an object, so only a chunk that ends in `}` (and white space) can complete one. */
function mayBeWhole(chunk: Uint8Array): boolean {
  let at = chunk.byteLength - 1;
  while (at >= 0 && (chunk[at] === 0x0a || chunk[at] === 0x0d || chunk[at] === 0x20 || chunk[at] === 0x09)) at -= 1;
  return at >= 0 && chunk[at] === 0x7d;
}

function parse(chunks: readonly Uint8Array[]): Document {
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const broken = new AppError('bad-input', 'Expected UTF-8 on stdin, got other bytes', { cause: error });
    return { ok: false, error: broken, text: new TextDecoder().decode(bytes) };
  }
  if (text.trim() === '')
    return { ok: false, error: new AppError('bad-input', 'Expected a JSON document on stdin, got nothing'), text };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    const broken = new AppError('bad-input', 'Expected exactly one JSON document on stdin, got something else', {
      cause: error,
    });
    return { ok: false, error: broken, text };
  }
}

/**
 * The string values of the wanted keys at the top level of a JSON object that may be cut off or broken further on.
 * Only the outermost object counts: a tool's input must not be able to pose as another event. A key that comes
 * twice with different values is left out.
 */
export function salvageTopLevel(text: string, wanted: readonly string[]): Readonly<Record<string, string>> {
  const found = new Map<string, string | null>();
  let depth = 0;
  let key: string | undefined;
  let expectsValue = false;
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  for (; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (end === undefined || depth === 0) break;
      if (depth === 1) {
        const value = unquote(text.slice(at, end));
        if (!expectsValue) key = value;
        else if (key !== undefined && value !== undefined && wanted.includes(key)) {
          found.set(key, found.has(key) && found.get(key) !== value ? null : value);
        }
      }
      at = end - 1;
    } else if (char === '{' || char === '[') {
      if (depth === 0 && char === '[') break;
      depth += 1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) break;
    } else if (depth === 0 && !/\s/.test(char ?? '')) {
      break;
    } else if (depth === 1 && (char === ':' || char === ',')) {
      expectsValue = char === ':';
    }
  }
  return Object.fromEntries([...found].flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** The index behind the closing quote of the string that opens at `from`; one pass, whatever the text. */
function endOfString(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function unquote(token: string): string | undefined {
  try {
    return String(JSON.parse(token));
  } catch {
    return undefined;
  }
}
