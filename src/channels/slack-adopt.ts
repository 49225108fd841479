/** Going on with messages that an earlier daemon has posted: what is known of them is what that one has recorded. */
import type { Masker } from '../secrets.ts';
import type { ApprovalRequest, LeftBehind, Receipt } from '../types.ts';
import type { CardBody } from './slack-body.ts';
import type { Place } from './slack-editor.ts';
import { type Entries, type Entry, type Message, newEntry } from './slack-entries.ts';
import { settle } from './slack-settled.ts';

export interface AdoptOptions {
  readonly bodyOf: (request: ApprovalRequest, masker: Masker) => CardBody;
  readonly maskerFor: (request: ApprovalRequest) => Masker;
  /** The thread that a session has in the conversation with one person. */
  readonly onThread: (approver: string, sessionId: string, root: Place) => void;
}

/** Several requests may share a message: it is one again. */
export function adoptInto(entries: Entries, left: readonly LeftBehind[], options: AdoptOptions): void {
  const messages = new Map<string, Message>();
  for (const { request, receipts, approvedBy, outcome, isAtEnd } of left) {
    const entry = adoptedEntry(request, options);
    if (entry === undefined) continue;
    entry.outcome = outcome;
    entry.countedBy = approvedBy;
    // It may have been posted just before the record of it could be written.
    entry.maybeTwice = receipts.length === 0;
    if (outcome !== undefined) entry.over.abort();
    // Nobody closes its messages any more.
    if (isAtEnd) settle(entry);
    entries.add(entry);
    for (const receipt of receipts) {
      const { approver, conversation: channel, message: ts, thread } = receipt;
      if (approver === undefined) continue;
      const message = messages.get(`${channel} ${ts}`) ?? adoptedMessage(receipt, approver, entry);
      messages.set(`${channel} ${ts}`, message);
      message.entries.push(entry);
      entry.messages.push(message);
      if (thread !== undefined) options.onThread(approver, request.input.session_id, { channel, ts: thread });
    }
  }
}

/** Undefined for what cannot be drawn: one odd record must not keep every later daemon from starting. */
function adoptedEntry(request: ApprovalRequest, { bodyOf, maskerFor }: AdoptOptions): Entry | undefined {
  try {
    const masker = maskerFor(request);
    const body = bodyOf(request, masker);
    return newEntry({ request, masker, body, surroundings: {}, onShown: () => {}, over: new AbortController() });
  } catch {
    return undefined;
  }
}

function adoptedMessage(
  { conversation, message, thread, isList, complete }: Receipt,
  approver: string,
  { body }: Entry,
): Message {
  return {
    ...{ channel: conversation, ts: message, approver, threadTs: thread, isList: isList === true, entries: [] },
    isAttached: complete && !body.complete,
  };
}
