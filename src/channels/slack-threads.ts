/** A thread per session: its first message says where the session runs; cards, decisions without asking and the end follow in it. */
import type { KnownBlock } from '@slack/types';
import { AppError } from '../errors.ts';
import { createMasker, type Masker, type SecretRule } from '../secrets.ts';
import type { ApprovalRequest, Decided, SessionSummary } from '../types.ts';
import { harmlessText } from './slack-blocks.ts';
import { labelled } from './slack-body.ts';
import { type CallBounds, isThreadGone, type SlackCalls } from './slack-calls.ts';
import type { Editor, Looks, Place } from './slack-editor.ts';
import {
  bold,
  code,
  costOfBlocks,
  header,
  type RichTextPart,
  richText,
  section,
  shorten,
  text,
} from './slack-elements.ts';
import { moment, ruleLine } from './slack-outcome.ts';
import { projectName, type Surroundings } from './slack-surroundings.ts';
import { pause } from './slack-timing.ts';
import { encodeInline } from './visible.ts';
import { AGENTS, LABELS, WORDS } from './wording.ts';
import { automaticTitle, earlierLines, sessionText, summaryLine } from './wording-session.ts';

export interface ThreadsOptions {
  readonly calls: SlackCalls;
  readonly editor: Editor;
  readonly host: string;
  readonly now: () => number;
  /** False: there are none, and everything stands in the conversation itself. */
  readonly isOn: boolean;
  /** The user's own rules for what is secret. */
  readonly maskRules: () => readonly SecretRule[];
}

/** A decision that nobody was asked for. */
export interface Automatic {
  readonly request: ApprovalRequest;
  readonly outcome: Decided;
  /** The call in one line, encoded and masked. */
  readonly call: string;
  readonly masker: Masker;
  readonly surroundings: Surroundings;
}

export interface Threads {
  /** The first message of a session's thread in the conversation with one person; undefined when Slack did not take it in time. */
  rootOf(approver: string, request: ApprovalRequest, surroundings: Surroundings): Promise<Place | undefined>;
  /** Adds a line about a decision that nobody was asked for. */
  addAutomatic(decision: Automatic): Promise<void>;
  /** Says in the thread what a session came to; does nothing without a thread. */
  end(summary: SessionSummary): Promise<void>;
  /** A thread that an earlier daemon has begun. */
  adopt(approver: string, sessionId: string, root: Place): void;
  /** Slack does not know the thread any more: the next message begins a new one. */
  forget(approver: string, sessionId: string): void;
  /** Posts into a session's thread, without sending it to the conversation, or into the conversation when there is no thread. */
  post(approver: string, sessionId: string, looks: Looks): Promise<Place>;
}

interface Thread {
  readonly sessionId: string;
  /** Undefined when Slack did not take it: the next one who needs it tries again. */
  root: Promise<Place | undefined> | undefined;
  /** When the first message was sent. */
  begunAt: number;
  lines: Automatic[];
  /** How many lines there were before those that are kept. */
  dropped: number;
  automatic: Promise<Place | undefined> | undefined;
}

/** A first message that takes longer does not hold its first card up; that one then stands alone. */
const ROOT_MS = 3_000;
const POST_MS = 60_000;
/** Sessions whose thread is known; an older one begins a new thread. */
const THREADS_KEPT = 200;
const LINES_KEPT = 20;
/** What they may cost together; see slack-body.ts for the limit that this stays below. */
const LINES_BUDGET = 8_000;
const SESSION_SHOWN = 8;
const MAX_PROJECT = 60;
const MAX_DIRECTORY = 200;
const MAX_CALL = 120;
/** Nobody waits for these; Slack takes about fifty edits a minute (rate limits: chat.update is Tier 3). */
const AUTOMATIC_SPACING_MS = 2_000;

export function createThreads({ calls, editor, host, now, isOn, maskRules }: ThreadsOptions): Threads {
  const threads = new Map<string, Thread>();
  const keyOf = (approver: string, sessionId: string): string => `${approver} ${sessionId}`;

  const post = async (channel: string, looks: Looks, bounds: Partial<CallBounds>, root?: Place): Promise<Place> => {
    const place = root === undefined ? { channel } : { channel: root.channel, thread_ts: root.ts };
    const reply = await calls.call(
      'post',
      'chat.postMessage',
      { ...place, text: looks.text, blocks: looks.blocks, mrkdwn: false, unfurl_links: false, unfurl_media: false },
      'write into the thread',
      { deadline: now() + POST_MS, spacedBy: channel, ...bounds },
    );
    if (typeof reply.channel !== 'string' || typeof reply.ts !== 'string') {
      throw new AppError('slack-rejected', 'Slack did not say where it put the message');
    }
    return { channel: reply.channel, ts: reply.ts };
  };

  const threadOf = (approver: string, request: ApprovalRequest, surroundings: Surroundings): Thread => {
    const sessionId = request.input.session_id;
    const key = keyOf(approver, sessionId);
    const thread = threads.get(key) ?? newThread(sessionId);
    // The least recently used one is the first.
    threads.delete(key);
    threads.set(key, thread);
    for (const oldest of threads.keys()) {
      if (threads.size <= THREADS_KEPT) break;
      threads.delete(oldest);
    }
    if (thread.root !== undefined) return thread;
    thread.begunAt = now();
    // One try: a card waits for it, and has tries enough of its own.
    thread.root = post(
      approver,
      renderRoot(request, host, surroundings, createMasker({ known: request.secrets, rules: maskRules() })),
      { maxTries: 1 },
    ).catch(() => {
      thread.root = undefined;
      return undefined;
    });
    return thread;
  };

  const forget = (approver: string, sessionId: string): void => {
    const thread = threads.get(keyOf(approver, sessionId));
    if (thread === undefined) return;
    thread.root = undefined;
    thread.automatic = undefined;
  };

  const addLine = async (thread: Thread): Promise<void> => {
    const root = await thread.root;
    if (root === undefined) return;
    if (thread.automatic === undefined) {
      thread.automatic = post(root.channel, renderAutomatic(thread), {}, root).catch(() => {
        thread.automatic = undefined;
        return undefined;
      });
      await thread.automatic;
      return;
    }
    const place = await thread.automatic;
    if (place !== undefined) await editor.refresh(place, () => renderAutomatic(thread), AUTOMATIC_SPACING_MS);
  };

  return {
    rootOf: async (approver, request, surroundings) => {
      if (!isOn) return undefined;
      const { root, begunAt } = threadOf(approver, request, surroundings);
      return inTime(root, begunAt + ROOT_MS - now());
    },
    addAutomatic: async (decision) => {
      if (!isOn) return;
      const { request, surroundings } = decision;
      const all = request.approvers.map((approver) => threadOf(approver, request, surroundings));
      for (const thread of all) {
        thread.lines.push(decision);
        if (thread.lines.length > LINES_KEPT) thread.dropped += 1;
        thread.lines = thread.lines.slice(-LINES_KEPT);
      }
      await Promise.all(all.map(addLine));
    },
    end: async (summary) => {
      const ended = [...threads].filter(([, { sessionId }]) => sessionId === summary.sessionId);
      const words = summaryLine(summary);
      const blocks = [richText([section([bold(WORDS.sessionEnded), text(words)])])];
      await Promise.all(
        ended.map(async ([key, thread]) => {
          threads.delete(key);
          const root = await thread.root;
          if (root !== undefined) await post(root.channel, { text: `${WORDS.sessionEnded}${words}`, blocks }, {}, root);
        }),
      );
    },
    adopt: (approver, sessionId, root) => {
      if (isOn) threads.set(keyOf(approver, sessionId), { ...newThread(sessionId), root: Promise.resolve(root) });
    },
    forget,
    post: async (approver, sessionId, looks) => {
      const root = await threads.get(keyOf(approver, sessionId))?.root;
      try {
        return await post(approver, looks, {}, root);
      } catch (error) {
        if (root === undefined || !isThreadGone(error)) throw error;
        forget(approver, sessionId);
        return await post(approver, looks, {});
      }
    },
  };
}

function newThread(sessionId: string): Thread {
  return { sessionId, root: undefined, begunAt: 0, lines: [], dropped: 0, automatic: undefined };
}

/** What comes of some work within a time; undefined when it takes longer. */
async function inTime<T>(work: Promise<T | undefined> | undefined, ms: number): Promise<T | undefined> {
  const done = new AbortController();
  try {
    return await Promise.race([work, pause(ms, done.signal).then(() => undefined)]);
  } finally {
    done.abort();
  }
}

function renderRoot(
  { agent, input }: ApprovalRequest,
  host: string,
  { branch = '' }: Surroundings,
  masker: Masker,
): Looks {
  const mask = (shown: string): string => masker.mask(shown).text;
  const line = labelled(
    [
      [LABELS.project, projectName(input.cwd)],
      [LABELS.host, host],
      [LABELS.branch, branch],
      [LABELS.session, input.session_id.slice(0, SESSION_SHOWN)],
    ],
    mask,
  );
  const directory = shorten(mask(encodeInline(input.cwd)), MAX_DIRECTORY);
  const title = sessionText(AGENTS[agent], shorten(mask(encodeInline(projectName(input.cwd))), MAX_PROJECT));
  const where = section([text(`${LABELS.directory} `), ...code(directory)]);
  return { text: harmlessText(title), blocks: [header(title), richText([section(line), where])] };
}

/** One line for each decision, the latest last. */
function renderAutomatic({ lines, dropped }: Pick<Thread, 'lines' | 'dropped'>): Looks {
  const title = automaticTitle(lines.length + dropped);
  const shown = fitting(lines.map(automaticLine));
  const left = dropped + lines.length - shown.length;
  const earlier: RichTextPart[] = left === 0 ? [] : [section([text(`${earlierLines(left)}\n`)])];
  const blocks: KnownBlock[] = [richText([section([bold(`${title}\n`)]), ...earlier, ...shown])];
  return { text: harmlessText(title), blocks };
}

function automaticLine({ outcome, call, masker }: Automatic): RichTextPart {
  return section([
    moment(outcome.at, '{time_secs}'),
    text(outcome.kind === 'allowed' ? ' ✓ ' : ' ✗ '),
    ...code(shorten(call, MAX_CALL) || '?'),
    text(' '),
    ...ruleLine(outcome, masker),
    text('\n'),
  ]);
}

/** From the last one back, as many as fit into one message. */
function fitting(lines: readonly RichTextPart[]): readonly RichTextPart[] {
  let left = LINES_BUDGET;
  const tooMany = lines.toReversed().findIndex((line) => {
    left -= costOfBlocks(line);
    return left < 0;
  });
  return tooMany < 0 ? lines : lines.slice(lines.length - tooMany);
}
