/** Whether the code signature of a macOS executable fits its pages; macOS ends a program whose own does not. Nothing is run. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const CODE_SIGNATURE_COMMAND = 0x1d;
/** Of the blobs of a signature the one with a hash for each page (cs_blobs.h). */
const CODE_DIRECTORY = 0xfade0c02;
const HASHES = { 1: 'sha1', 2: 'sha256' };

/** @throws {Error} when there is no signature, or one of other pages */
export function expectSigned(executable) {
  const bytes = readFileSync(executable);
  if (bytes.readUInt32LE(0) !== MAGIC_64) throw new Error('Expected an executable of macOS, got another one');
  const directories = directoriesOf(bytes, signatureOf(bytes));
  if (directories.length === 0) throw new Error('Expected a code signature, got none');
  const wrong = directories.reduce((sum, at) => sum + wrongPages(bytes, at), 0);
  if (wrong > 0) throw new Error(`Expected a code signature that fits, got one of ${wrong} other pages`);
}

/** Where it begins; undefined when there is none. */
function signatureOf(bytes) {
  let at = HEADER_BYTES;
  for (let left = bytes.readUInt32LE(16); left > 0; left -= 1) {
    if (bytes.readUInt32LE(at) === CODE_SIGNATURE_COMMAND) return bytes.readUInt32LE(at + 8);
    at += bytes.readUInt32LE(at + 4);
  }
  return undefined;
}

function directoriesOf(bytes, signature) {
  if (signature === undefined) return [];
  const count = bytes.readUInt32BE(signature + 8);
  const blobs = Array.from({ length: count }, (_, index) => signature + bytes.readUInt32BE(signature + 16 + 8 * index));
  return blobs.filter((at) => bytes.readUInt32BE(at) === CODE_DIRECTORY);
}

function wrongPages(bytes, at) {
  const [hashes, pages, end] = [bytes.readUInt32BE(at + 16), bytes.readUInt32BE(at + 28), bytes.readUInt32BE(at + 32)];
  const [size, algorithm, pageBytes] = [bytes[at + 36], HASHES[bytes[at + 37]], 2 ** bytes[at + 39]];
  if (algorithm === undefined) throw new Error('Expected a code signature of SHA-1 or SHA-256, got another one');
  return Array.from({ length: pages }, (_, page) => {
    const text = bytes.subarray(page * pageBytes, Math.min(end, (page + 1) * pageBytes));
    const wanted = bytes.subarray(at + hashes + page * size, at + hashes + (page + 1) * size);
    return createHash(algorithm).update(text).digest().subarray(0, size).equals(wanted);
  }).filter((isRight) => !isRight).length;
}
