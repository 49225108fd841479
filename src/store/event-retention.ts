/**
 * What happens to full files as they age: compressed after a day, deleted when all in them is old enough. Approvals live
 * longer, and those without an end for ever: a file that holds such is written anew with them alone.
 */
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { EventRecord, RetentionReport, RetentionRules } from '../events.ts';
import { discard, type EventFiles, storeError, syncDirectory, syncFile, writeAt, writeWhole } from './event-files.ts';
import { eventsIn, type Findable } from './event-find.ts';
import { createIndex, type IndexRow, type IndexSummary } from './event-index.ts';
import { isApproval, readEvent } from './event-lines.ts';
import { createMemberWriter } from './event-members.ts';
import type { Segment, Segments } from './event-segments.ts';
import { encodeSidecar, readHead, wordsOfBytes } from './event-sidecar.ts';

export interface Retention {
  readonly files: EventFiles;
  readonly segments: Segments;
  /** All files, also the one that is written to, which comes last. */
  readonly all: readonly Findable[];
  /** Runs when nothing is written or looked up for writing. */
  readonly exclusive: (work: () => Promise<void>) => Promise<void>;
}

export const DAY_MS = 86_400_000;

/** When the newest event of a file arrived, in milliseconds since the epoch: senders' clocks may be ahead, ours is not. */
export function newestAt({ maxTime, maxSeq }: IndexSummary): number {
  return Math.min(maxTime, maxSeq / 1000);
}

function ageTime({ timestamp, seq }: EventRecord): number {
  return Math.min(Date.parse(timestamp), seq / 1000);
}

/** What is to be done with a file. */
interface Plan {
  readonly segment: Segment | undefined;
  readonly label: string;
  /** The rows that stay; undefined where all do. */
  readonly kept: readonly IndexRow[] | undefined;
  readonly events: number;
}

/** Deletes and compresses; with `isDryRun` it only says what it would. Rejects with AppError('store'). */
export async function retainFiles(
  retention: Retention,
  rules: RetentionRules,
  now: number,
  isDryRun: boolean,
): Promise<RetentionReport> {
  const { files, segments, all } = retention;
  const old = now - rules.eventDays * DAY_MS;
  const isKept = await approvalsToKeep(all, old, now - rules.approvalDays * DAY_MS);
  const deleted: { what: string; events: number }[] = [];
  const compressed: string[] = [];

  const full = new Map(segments.list().map((segment) => [segment.head.summary, segment]));
  for (const file of all) {
    const segment = full.get(file.summary);
    // What has come in since is young, or waits for the next time.
    if (segment === undefined && !isDryRun) continue;
    const label =
      segment === undefined ? basename(files.path) : `${segment.name}.jsonl${segment.isZipped ? '.gz' : ''}`;
    const plan = await planFor(file, { segment, label }, old, isKept);
    if (plan.events > 0) deleted.push({ what: label, events: plan.events });
    const isDue = file.summary.lines > 0 && newestAt(file.summary) < now - DAY_MS && segment?.isZipped !== true;
    if (isDue && plan.events < file.summary.lines) compressed.push(label);
    if (isDryRun || segment === undefined) continue;
    if (plan.events > 0 && plan.kept?.length === 0) await remove(retention, segment);
    else if (plan.events > 0 || isDue) await rewrite(retention, segment, plan.kept);
  }
  return { deleted, compressed };
}

async function planFor(
  file: Findable,
  known: Pick<Plan, 'segment' | 'label'>,
  old: number,
  isKept: (event: EventRecord) => boolean,
): Promise<Plan> {
  const { summary } = file;
  if (newestAt(summary) >= old) return { ...known, kept: undefined, events: 0 };
  const kept = await keptOf(file, isKept);
  return { ...known, kept, events: summary.lines - kept.length };
}

/** Says of an approval's event in an old file whether it stays: it is young enough, or its approval has no end anywhere. */
async function approvalsToKeep(
  all: readonly Findable[],
  old: number,
  oldApproval: number,
): Promise<(event: EventRecord) => boolean> {
  const ended = new Set<string>();
  const isAsked = all.some(({ summary }) => summary.approvals > 0 && newestAt(summary) < old);
  for (const file of isAsked ? all : []) {
    const view = file.summary.approvals > 0 ? file.open() : undefined;
    if (view === undefined) continue;
    try {
      for await (const events of eventsIn(view, { kind: 'approval.' }, 'oldest'))
        for (const { kind, approval_id } of events)
          if (approval_id !== undefined && (kind === 'approval.decided' || kind === 'approval.ended'))
            ended.add(approval_id);
    } finally {
      view.close();
    }
  }
  return (event) => {
    const isOpen = event.approval_id !== undefined && !ended.has(event.approval_id);
    return isApproval(event) && (isOpen || ageTime(event) >= oldApproval);
  };
}

/** The rows of a file's approvals that stay. */
async function keptOf(file: Findable, isKept: (event: EventRecord) => boolean): Promise<readonly IndexRow[]> {
  const view = file.summary.approvals === 0 ? undefined : file.open();
  if (view === undefined) return [];
  try {
    const rows = [...view.index.rowsOf(view.index.groups({ isApproval: true }))].map((number) =>
      view.index.row(number),
    );
    const kept: IndexRow[] = [];
    for (let at = 0; at < rows.length; at += BATCH_LINES) {
      const batch = rows.slice(at, at + BATCH_LINES);
      for (const [number, line] of (await view.lines(batch)).entries()) {
        const event = readEvent(line);
        const row = batch[number];
        if (event !== undefined && row !== undefined && isKept(event)) kept.push(row);
      }
    }
    return kept;
  } finally {
    view.close();
  }
}

const BATCH_LINES = 256;

async function remove({ files, segments, exclusive }: Retention, { name, isZipped }: Segment): Promise<void> {
  await exclusive(async () => {
    try {
      segments.replace(name, undefined);
      rmSync(isZipped ? files.zipped(name) : files.plain(name), { force: true });
      rmSync(files.index(name), { force: true });
      await syncDirectory(files.directory);
    } catch (error) {
      throw storeError(`Cannot delete ${name}`, error);
    }
  });
}

/**
 * Writes a file anew, compressed, with all its lines or some. The new one gets its name when it is whole, and from then
 * on counts; the old one goes then. A crash between these steps leaves one that is whole, and an index that is made again.
 */
async function rewrite(retention: Retention, segment: Segment, kept: readonly IndexRow[] | undefined): Promise<void> {
  const { files, segments, exclusive } = retention;
  const { name } = segment;
  const temporary = `${files.zipped(name)}.tmp`;
  try {
    const { bytes, fileBytes } = await writeZipped(retention, name, kept, temporary);
    await writeWhole(agedIndex(files, name), bytes);
    await exclusive(async () => {
      const head = readHead(wordsOfBytes(bytes), bytes.length, fileBytes);
      if (head === undefined) throw new Error('Expected an index that can be read again');
      renameSync(temporary, files.zipped(name));
      renameSync(agedIndex(files, name), files.index(name));
      segments.replace(name, { name, isZipped: true, head, held: undefined });
      await syncDirectory(files.directory);
      if (!segment.isZipped) rmSync(files.plain(name), { force: true });
    });
  } catch (error) {
    discard(temporary);
    discard(agedIndex(files, name));
    throw storeError(`Cannot compress ${name}`, error);
  }
}

/** Not the name under which an index is written in the background. */
function agedIndex(files: EventFiles, name: string): string {
  return `${files.index(name)}.aged.tmp`;
}

/** Writes the lines into a compressed file; returns the bytes of its index and its size. */
async function writeZipped(
  { segments }: Retention,
  name: string,
  kept: readonly IndexRow[] | undefined,
  path: string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly fileBytes: number }> {
  const view = segments.view(name);
  if (view === undefined) throw new Error('Expected the file to be there');
  let fd: number | undefined;
  try {
    const out = openSync(path, 'w', 0o600);
    fd = out;
    const writer = createMemberWriter((bytes, at) => writeAt(out, bytes, at));
    const index = createIndex();
    const rows = kept ?? Array.from({ length: view.index.summary.lines }, (_, number) => view.index.row(number));
    const inFile = rows.toSorted((a, b) => a.offset - b.offset);
    let at = 0;
    for (let from = 0; from < inFile.length; from += BATCH_LINES) {
      for (const line of await view.lines(inFile.slice(from, from + BATCH_LINES))) {
        const event = readEvent(line);
        if (event === undefined) continue;
        const bytes = Buffer.from(`${line}\n`);
        await writer.add(bytes);
        index.add(event, at, bytes.length - 1);
        at += bytes.length;
      }
    }
    const { members, fileBytes } = await writer.end();
    await syncFile(fd);
    return { bytes: encodeSidecar(index.contents(), fileBytes, members), fileBytes };
  } finally {
    if (fd !== undefined) closeSync(fd);
    view.close();
  }
}
