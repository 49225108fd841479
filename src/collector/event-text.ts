/** The text of a request's body, and what in JSON no store could keep. */

/** Deeper nesting than this is refused: nobody's hook has it, and every reader would have to bear it. */
export const MAX_DEPTH = 64;

export type Parsed =
  | { readonly ok: true; readonly value: unknown; readonly isChanged: boolean }
  | { readonly ok: false; readonly why: 'syntax' | 'depth' };

const decoder = new TextDecoder('utf-8', { fatal: true });

/** An escape that may stand for NUL or half of a pair. */
const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * Reads one JSON document in UTF-8. NUL, which PostgreSQL does not take, and lone surrogates, which UTF-8 has no bytes
 * for, become U+FFFD in texts and keys; `isChanged` says so.
 */
export function parseBody(bytes: Uint8Array): Parsed {
  if (isDeep(bytes)) return { ok: false, why: 'depth' };
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    // The parser leaves a raw NUL or half a pair in no text: only an escape brings one.
    if (!SUSPECT.test(text)) return { ok: true, value, isChanged: false };
    return { ok: true, ...storable(value) };
  } catch {
    return { ok: false, why: 'syntax' };
  }
}

/** The same for what has been read already. */
export function storable<T>(value: T): { readonly value: T; readonly isChanged: boolean } {
  const change = { isChanged: false };
  const clean = cleaned(value, change) as T;
  return { value: clean, isChanged: change.isChanged };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counted over the bytes, before the parser would follow it. */
function isDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1);
      continue;
    }
    // [ ] { } differ from each other in two bits only: 5b 5d 7b 7d.
    const bracket = (byte ?? 0) & 0xdf;
    if (bracket === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (bracket === 0x5d) depth -= 1;
  }
  return false;
}

/** The place of the quote that ends it. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let quote = bytes.indexOf(QUOTE, from); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (bytes[quote - 1 - backslashes] === BACKSLASH && quote - 1 - backslashes >= from) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return bytes.length;
}

function cleaned(value: unknown, change: { isChanged: boolean }): unknown {
  if (typeof value === 'string') return cleanText(value, change);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cleanText(key, change), cleaned(item, change)]),
  );
}

function cleanText(text: string, change: { isChanged: boolean }): string {
  const clean = text.toWellFormed().replaceAll('\0', '\ufffd');
  if (clean !== text) change.isChanged = true;
  return clean;
}
