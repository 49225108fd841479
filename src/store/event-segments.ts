/** The full files of events, each with its index beside it, which is made again where it is missing, torn or of another file. */
import { closeSync, fstatSync, openSync, renameSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { type Hash, lookUpIn } from './event-buckets.ts';
import { discard, type EventFiles, sizeOf, storeError, writeWhole } from './event-files.ts';
import { createIndex } from './event-growing.ts';
import type { IndexContents } from './event-index.ts';
import { readEvent } from './event-lines.ts';
import { createMemberCache, findMembers } from './event-members.ts';
import {
  encodeSidecar,
  type Members,
  type ReadWords,
  readHead,
  readMembers,
  readNamed,
  type SidecarHead,
  sidecarIndex,
  withSidecar,
  wordsOfBytes,
  wordsOfFile,
} from './event-sidecar.ts';
import { type EventView, eachLine, memberKeys, openView, plainData, zippedData } from './event-view.ts';

export interface Segment {
  readonly name: string;
  readonly isZipped: boolean;
  readonly head: SidecarHead;
  /** The index, as long as it is not in its file. */
  readonly held: Uint8Array<ArrayBuffer> | undefined;
}

export interface Segments {
  /** In no particular order. */
  list(): readonly Segment[];
  /** Opens a file to be read; undefined when there is none any more. */
  view(name: string): EventView | undefined;
  /** A file that has just got its name. Its index is written in the background. */
  add(name: string, contents: IndexContents, fileBytes: number): void;
  /** Puts another in the place of one, or nothing. What is on disk is the caller's. */
  replace(name: string, segment: Segment | undefined): void;
  /** Of each hash the rows that may have this identity. */
  named(segment: Segment, hashes: readonly Hash[]): readonly (readonly number[])[];
  /** Writes the indexes that are still in memory. Never rejects: what could not be written is tried again. */
  save(): Promise<void>;
}

/** An index that is lost while its file is in use. */
const INDEX_HINT = 'Start the collector again: it makes the index anew.';

/** Opens all full files of a log. Throws AppError('store') for what cannot be read. */
export async function openSegments(files: EventFiles): Promise<Segments> {
  const segments = new Map<string, Segment>();
  const members = createMemberCache();
  const tables = createTables();
  for (const name of files.list()) segments.set(name, await openSegment(files, name));

  const saveOne = async (segment: Segment): Promise<void> => {
    if (segment.held === undefined) return;
    const path = files.index(segment.name);
    await writeWhole(`${path}.tmp`, segment.held);
    // It may have been compressed or deleted in the meantime.
    if (segments.get(segment.name) !== segment) return discard(`${path}.tmp`);
    renameSync(`${path}.tmp`, path);
    segments.set(segment.name, { ...segment, held: undefined });
  };

  let saving = Promise.resolve();
  const save = (): Promise<void> => {
    saving = saving.then(async () => {
      for (const segment of segments.values()) await saveOne(segment).catch(() => {});
    });
    return saving;
  };

  const pathOf = ({ name, isZipped }: Segment): string => (isZipped ? files.zipped(name) : files.plain(name));

  /** True where somebody has taken the file away: it is forgotten then. */
  const isGone = (segment: Segment): boolean => {
    if (sizeOf(pathOf(segment)) !== undefined) return false;
    segments.delete(segment.name);
    tables.forget(segment.name);
    return true;
  };

  const view = (name: string): EventView | undefined => {
    const segment = segments.get(name);
    if (segment === undefined) return undefined;
    const { head, held, isZipped } = segment;
    let indexFd: number | undefined;
    const close = (): void => {
      if (indexFd !== undefined) closeSync(indexFd);
    };
    try {
      if (held === undefined) indexFd = openSync(files.index(name), 'r');
      const read = indexFd === undefined ? wordsOfBytes(held ?? new Uint8Array()) : wordsOfFile(indexFd);
      return openView(pathOf(segment), (fd) => {
        const cached = memberKeys(members, name, fstatSync(fd).ino);
        const data = isZipped ? zippedData(fd, readMembers(read, head), head.fileBytes, cached) : plainData(fd);
        return { index: sidecarIndex(read, head), data, close };
      });
    } catch (error) {
      close();
      if (isGone(segment)) return undefined;
      throw storeError(`Cannot read ${pathOf(segment)}`, error);
    }
  };

  return {
    list: () => [...segments.values()],
    view,
    add: (name, contents, fileBytes) => {
      const held = encodeSidecar(contents, fileBytes);
      segments.set(name, { name, isZipped: false, held, head: headOf(held, fileBytes) });
      void save();
    },
    replace: (name, segment) => {
      tables.forget(name);
      if (segment === undefined) segments.delete(name);
      else segments.set(name, segment);
    },
    named: (segment, hashes) => {
      const count = segment.head.summary.named;
      const table = tables.get(segment, hashes.length, () => readTable(files, segment));
      if (table !== undefined) return hashes.map((hash) => lookUpIn(table, count, hash));
      const found = withSidecar(files.index(segment.name), (read) => {
        const index = sidecarIndex(read, segment.head);
        return hashes.map((hash) => index.named(hash));
      });
      if (found !== undefined) return found;
      if (isGone(segment)) return hashes.map(() => []);
      throw new AppError('store', `Cannot read ${files.index(segment.name)}`, { hint: INDEX_HINT });
    },
    save,
  };
}

function headOf(bytes: Uint8Array, fileBytes: number): SidecarHead {
  const head = readHead(wordsOfBytes(bytes), bytes.length, fileBytes);
  if (head === undefined) throw new Error('Expected an index that can be read again');
  return head;
}

function readTable(files: EventFiles, { name, head, held }: Segment): Uint32Array | undefined {
  if (held !== undefined) return readNamed(wordsOfBytes(held), head);
  return withSidecar(files.index(name), (read) => readNamed(read, head));
}

async function openSegment(files: EventFiles, name: string): Promise<Segment> {
  const zipped = sizeOf(files.zipped(name));
  const fileBytes = zipped ?? sizeOf(files.plain(name)) ?? 0;
  const isZipped = zipped !== undefined;
  const usable = (read: ReadWords, size: number): SidecarHead | undefined => {
    const head = readHead(read, size, fileBytes);
    return head !== undefined && head.members > 0 === (isZipped && fileBytes > 0) ? head : undefined;
  };
  const head = withSidecar(files.index(name), usable);
  return head === undefined ? remake(files, name, isZipped, fileBytes) : { name, isZipped, head, held: undefined };
}

/** Makes the index of a file by reading all of it. */
async function remake(files: EventFiles, name: string, isZipped: boolean, fileBytes: number): Promise<Segment> {
  const path = isZipped ? files.zipped(name) : files.plain(name);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const members: Members = isZipped ? findMembers(fd, path, fileBytes) : new Uint32Array();
    const data = isZipped ? zippedData(fd, members, fileBytes, (_, load) => load()) : plainData(fd);
    const index = createIndex();
    await eachLine(data, (line, offset, length) => {
      const event = readEvent(line);
      if (event !== undefined) index.add(event, offset, length);
    });
    const bytes = encodeSidecar(index.contents(), fileBytes, members);
    const isWritten = await writeIndex(files, name, bytes);
    return { name, isZipped, head: headOf(bytes, fileBytes), held: isWritten ? undefined : bytes };
  } catch (error) {
    throw storeError(`Cannot read ${path}`, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** False where it cannot be written, as on a full disk: what is stored can be read all the same. */
async function writeIndex(files: EventFiles, name: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = `${files.index(name)}.tmp`;
  try {
    await writeWhole(temporary, bytes);
    renameSync(temporary, files.index(name));
    return true;
  } catch {
    discard(temporary);
    return false;
  }
}

/** Bytes of tables that are kept: those of some thirty files that are full of named events. */
const TABLE_BYTES = 24 * 1024 * 1024;
/** From so many questions on it is cheaper to read a table whole than to look into the file for each. */
const MANY = 32;

/** The tables of identities that were asked for last. */
function createTables() {
  const kept = new Map<string, Uint32Array>();
  let bytes = 0;
  const forget = (name: string): void => {
    bytes -= kept.get(name)?.byteLength ?? 0;
    kept.delete(name);
  };
  return {
    forget,
    get: (segment: Segment, questions: number, load: () => Uint32Array | undefined): Uint32Array | undefined => {
      const { name, head, held } = segment;
      const found = kept.get(name);
      // A table has some 12 bytes for each of its entries.
      const hasRoom = bytes + head.summary.named * 12 <= TABLE_BYTES;
      const table = found ?? (hasRoom || held !== undefined || questions >= MANY ? load() : undefined);
      if (table === undefined) return undefined;
      forget(name);
      kept.set(name, table);
      bytes += table.byteLength;
      for (const old of kept.keys()) {
        if (bytes <= TABLE_BYTES || old === name) break;
        forget(old);
      }
      return table;
    },
  };
}
