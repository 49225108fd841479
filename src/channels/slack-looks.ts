/** What a message shows as things stand: the request that waits, how it ended, that it goes on elsewhere, or the rows of a list. */
import { AppError } from '../errors.ts';
import type { ApprovalRequest } from '../types.ts';
import { type Row, renderBatch, renderMoved } from './slack-batch.ts';
import { renderCard, renderClosed } from './slack-blocks.ts';
import type { Looks } from './slack-editor.ts';
import { currentMessage, type Entry, type Message } from './slack-entries.ts';
import { briefBody } from './slack-settled.ts';

export interface LooksOptions {
  readonly host: string;
  readonly instanceId: string;
  /** Why a call must be looked at by itself; see policy/danger.ts. */
  readonly dangerOf: (input: ApprovalRequest['input'], isDeceptive: boolean) => string | undefined;
}

/** Returns what draws a message. Throws AppError('internal') for one that is about no request. */
export function createLooks({ host, instanceId, dangerOf }: LooksOptions): (message: Message) => Looks {
  const rowOf = (entry: Entry, message: Message): Row => {
    const { request, body, masker, outcome, run } = entry;
    return {
      ...{ request, body, masker },
      ...(outcome === undefined ? {} : { outcome }),
      ...(run === undefined ? {} : { run }),
      isElsewhere: isSuperseded(entry, message),
      danger: dangerOf(request.input, body.isDeceptive),
    };
  };

  return (message) => {
    if (message.isList)
      return renderBatch(
        message.entries.map((entry) => rowOf(entry, message)),
        instanceId,
      );
    const [entry] = message.entries;
    if (entry === undefined) throw new AppError('internal', 'Expected a message to be about a request');
    const { request, body, masker, outcome, run, countedBy, isLight } = entry;
    const draft = entry.drafts.get(message.approver);
    if (isSuperseded(entry, message)) return renderMoved(body);
    if (outcome !== undefined) {
      const closed = { host, masker, ...(run === undefined ? {} : { run }) };
      const short = (): Looks =>
        renderClosed(request, outcome, { ...closed, ...(isLight ? { body: briefBody(body) } : { size: 'short' }) });
      return { ...renderClosed(request, outcome, { ...closed, body }), short };
    }
    const isEscalated = request.escalatedTo?.includes(message.approver) === true;
    return renderCard(isEscalated ? onlyThis(request) : request, {
      ...{ host, instanceId, masker, body, countedBy, isEscalated },
      isAttached: message.isAttached,
      ...(draft === undefined ? {} : { draft }),
    });
  };
}

/** Whoever is asked because nobody else answered decides about nothing that comes later; see the broker. */
function onlyThis(request: ApprovalRequest): ApprovalRequest {
  return { ...request, offers: { ...request.offers, always: false, grant: false, acceptEdits: false } };
}

/** Whether the person was given a newer message for a request. */
function isSuperseded(entry: Entry, message: Message): boolean {
  const current = currentMessage(entry, message.approver);
  // While a message is on its way it has no place yet, and is the newest.
  return message.ts !== '' && current !== undefined && current.ts !== message.ts;
}
