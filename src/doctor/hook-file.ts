/** Reads a settings file of an agent: whatever is there in its place, the answer is a value. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';

/** What became of reading a file. `value` may be anything that JSON can hold. */
export type ReadFile =
  | { readonly state: 'absent' }
  | { readonly state: 'broken'; readonly why: string }
  | { readonly state: 'read'; readonly value: unknown };

/** Agents' settings are some kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Without a file, or with a file in the place of a folder. */
const NOTHING: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/** A settings file, which may have comments, trailing commas and a byte order mark. Follows links, as the agents do. */
export function readSettingsFile(path: string): ReadFile {
  const text = readText(path);
  if (typeof text !== 'string') return text;
  const errors: ParseError[] = [];
  try {
    const value: unknown = parse(text.replace(/^\uFEFF/, ''), errors, { allowTrailingComma: true });
    const [first] = errors;
    if (first === undefined) return { state: 'read', value };
    const line = text.slice(0, first.offset).split('\n').length;
    return { state: 'broken', why: `line ${line} is not JSON: ${printParseErrorCode(first.error)}` };
  } catch {
    // The parser goes as deep as the text does.
    return { state: 'broken', why: 'it is nested too deeply' };
  }
}

/** The file's text, or what is there in its place. */
export function readText(path: string): string | Exclude<ReadFile, { readonly state: 'read' }> {
  let fd: number | undefined;
  try {
    // A pipe in its place would be waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(fd);
    if (!status.isFile()) return { state: 'broken', why: 'it is no regular file' };
    if (status.size > MAX_BYTES) return { state: 'broken', why: `it is larger than ${MAX_BYTES / 1024 / 1024} MB` };
    return readFileSync(fd, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return NOTHING.has(code)
      ? { state: 'absent' }
      : { state: 'broken', why: `it cannot be read (${code ?? 'unknown'})` };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
