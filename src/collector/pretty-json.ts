/** JSON for people, as far as a number of bytes goes: what is left out is never walked through, so that a megabyte costs what a line does. */
import { type Clipped, clip } from './shown-text.ts';

interface Writer {
  readonly parts: string[];
  /** Bytes of markup that may still be written. */
  left: number;
  isCut: boolean;
}

/** Of `…`. */
const MARK_BYTES = 3;
/** Nothing deeper is written; the collector refuses more than 64. */
const MAX_DEPTH = 64;

/** Indented by two spaces. `limit` is in bytes as markup; invisible characters are written out. */
export function prettyJson(value: unknown, limit: number): Clipped {
  const writer: Writer = { parts: [], left: limit, isCut: false };
  write(writer, value, 0);
  if (writer.isCut) writer.parts.push('…');
  return {
    text: writer.parts.join(''),
    bytes: limit - writer.left + (writer.isCut ? MARK_BYTES : 0),
    isCut: writer.isCut,
  };
}

function write(writer: Writer, value: unknown, depth: number): void {
  if (writer.isCut) return;
  if (typeof value === 'string') put(writer, quoted(value, writer.left));
  else if (Array.isArray(value)) writeAll(writer, value.keys(), (index) => value[Number(index)], '[]', depth);
  else if (typeof value === 'object' && value !== null) writeObject(writer, value, depth);
  else put(writer, JSON.stringify(value) ?? 'null');
}

function writeObject(writer: Writer, value: object, depth: number): void {
  const fields = value as Readonly<Record<string, unknown>>;
  writeAll(writer, keysOf(fields), (key) => fields[key], '{}', depth);
}

/** One by one: an object may have more keys than there is room for. */
function* keysOf(fields: Readonly<Record<string, unknown>>): Generator<string> {
  for (const key in fields) if (Object.hasOwn(fields, key)) yield key;
}

function writeAll(
  writer: Writer,
  keys: Iterable<string | number>,
  valueAt: (key: string) => unknown,
  brackets: string,
  depth: number,
): void {
  put(writer, brackets.charAt(0));
  let isEmpty = true;
  for (const key of keys) {
    if (writer.isCut) return;
    put(writer, `${isEmpty ? '' : ','}\n${'  '.repeat(depth + 1)}`);
    if (typeof key === 'string') put(writer, `${quoted(key, writer.left)}: `);
    if (depth >= MAX_DEPTH) writer.isCut = true;
    write(writer, valueAt(String(key)), depth + 1);
    isEmpty = false;
  }
  put(writer, `${isEmpty ? '' : `\n${'  '.repeat(depth)}`}${brackets.charAt(1)}`);
}

/** A text that is too long has no closing quote: the cut shows. */
function quoted(text: string, left: number): string {
  return JSON.stringify(text.length > left ? text.slice(0, left + 1).toWellFormed() : text);
}

function put(writer: Writer, text: string): void {
  if (writer.isCut) return;
  const { text: shown, bytes, isCut } = clip(text, writer.left);
  // The mark of the cut comes once, at the end.
  writer.parts.push(isCut ? shown.slice(0, -1) : shown);
  writer.left -= isCut ? bytes - MARK_BYTES : bytes;
  writer.isCut = isCut;
}
