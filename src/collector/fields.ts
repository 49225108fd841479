/** Reading values that nobody has checked: what agents and senders wrote. */
import { lastPart } from '../last-part.ts';

export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = {};

/** The value itself when it is an object with keys, else one without any. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NONE;
}

/** The first of the keys that holds a text with something in it. */
export function textOf(fields: Fields, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (typeof value === 'string' && value.trim() !== '') return value;
  }
  return undefined;
}

/** A finite number, or nothing. */
export function numberOf(fields: Fields, key: string): number | undefined {
  const value = fields[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Only the texts of a list, at most `limit`. */
export function textsOf(fields: Fields, key: string, limit: number): readonly string[] {
  const value = fields[key];
  if (!Array.isArray(value)) return [];
  return value.slice(0, limit).filter((item): item is string => typeof item === 'string');
}

/** What a project may be called, in characters. */
const MAX_PROJECT = 256;

/** What a directory is called; undefined for what is none, and for more than a project is called. */
export function projectOf(directory: unknown): string | undefined {
  const name = typeof directory === 'string' ? lastPart(directory) : undefined;
  return name === undefined || name.length > MAX_PROJECT ? undefined : name;
}
