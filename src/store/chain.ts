/**
 * The chain that the audit log is: each line holds its number (`seq`), the hash of the line before (`prev`) and its own
 * (`hash`), which is the SHA-256 of the line as it stands there without `,"hash":"…"`. That text is canonical JSON
 * (RFC 8785: keys sorted, no spaces), so that other tools come to the same bytes.
 */
import { createHash } from 'node:crypto';
import type { StoreRecord } from '../types.ts';

/** A place in the chain: what the next record continues. */
export interface Link {
  readonly seq: number;
  readonly hash: string;
}

/** A line whose hash is its own. */
export interface Sealed extends Link {
  readonly prev: string;
  readonly record: StoreRecord;
}

/** Before the first record. */
export const START: Link = { seq: 0, hash: '0'.repeat(64) };

const HASH_FIELD = ',"hash":"';
/** `,"hash":"`, 64 digits, `"}`. */
const SEAL_BYTES = HASH_FIELD.length + 64 + 2;
/** The widest number that JavaScript counts with. */
const SEQ_DIGITS = 16;

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The line, with its line break, of a record that comes after `after`. The chain's own keys are not the record's to set. */
export function seal(record: StoreRecord, after: Link): { readonly line: Buffer; readonly link: Link } {
  const seq = after.seq + 1;
  const body = canonicalJson({ ...record, seq, prev: after.hash, hash: undefined });
  const hash = sha256(body);
  return { line: Buffer.from(`${body.slice(0, -1)}${HASH_FIELD}${hash}"}\n`), link: { seq, hash } };
}

/** What a line without its line break holds; undefined when it is no record of a chain, or not what was written. */
export function unseal(line: Buffer): Sealed | undefined {
  const cut = line.length - SEAL_BYTES;
  if (cut < 2) return undefined;
  const hash = /^,"hash":"([0-9a-f]{64})"}$/.exec(line.toString('latin1', cut))?.[1];
  if (hash === undefined) return undefined;
  if (createHash('sha256').update(line.subarray(0, cut)).update('}').digest('hex') !== hash) return undefined;
  const record = readRecord(line);
  if (record === undefined) return undefined;
  const { seq, prev } = record;
  if (typeof seq !== 'number' || typeof prev !== 'string') return undefined;
  return Number.isSafeInteger(seq) && seq > 0 ? { seq, prev, hash, record } : undefined;
}

/** A line as a record, of a chain or not. */
export function readRecord(line: Buffer | string): StoreRecord | undefined {
  try {
    const record: unknown = JSON.parse(line.toString());
    const isOne = typeof record === 'object' && record !== null && 'type' in record && typeof record.type === 'string';
    return isOne ? (record as StoreRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** What audit.head holds: always as long, so that it is written over in place. */
export function encodeHead({ seq, hash }: Link): Buffer {
  return Buffer.from(`{"hash":"${hash}","seq":${String(seq).padEnd(SEQ_DIGITS)}}\n`);
}

/** Undefined for anything that `encodeHead` would not have written. */
export function decodeHead(bytes: Buffer): Link | undefined {
  const [, hash = '', seq = ''] = /^{"hash":"([0-9a-f]{64})","seq":(\d+) *}\n$/.exec(bytes.toString('latin1')) ?? [];
  const link = { seq: Number(seq), hash };
  return link.seq > 0 && encodeHead(link).equals(bytes) ? link : undefined;
}

/** RFC 8785, of what JSON can hold; what it cannot is left out, as JSON.stringify does. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}
