/** Events as a file for other programs, read from the store piece by piece: as large as it may be, only a piece is in memory. */
import { csvLine } from '../csv.ts';
import type { EventFilter, EventRecord, EventStore } from '../events.ts';
import { pieces } from './event-pieces.ts';

export type ExportForm = 'json' | 'csv';

const COLUMNS = [
  ...['event_id', 'timestamp', 'event_type', 'kind', 'session_id', 'agent', 'project', 'host', 'tool', 'src'],
  ...['workflow_id', 'phase_id', 'milestone_id', 'approval_id'],
] as const satisfies readonly (keyof EventRecord)[];

/**
 * All events of a filter, oldest first: one JSON array, or CSV with the data as JSON in the last column. Resolves when the
 * first of them are there; rejects as the store does when it cannot be read.
 */
export async function exportOf(
  store: Pick<EventStore, 'find'>,
  filter: EventFilter,
  form: ExportForm,
): Promise<ReadableStream<Uint8Array>> {
  return streamOf(form === 'csv' ? csv(store, filter) : json(store, filter));
}

/** The answer to a question for events, newest first: `{ events, total }`. Resolves and rejects as `exportOf`. */
export function listOf(
  store: Pick<EventStore, 'find'>,
  filter: EventFilter,
  limit: number,
  total: number,
): Promise<ReadableStream<Uint8Array>> {
  return streamOf(list(store, filter, limit, total));
}

async function streamOf(parts: AsyncGenerator<string, void, undefined>): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string, void>> | undefined = Promise.resolve(await parts.next());
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { done, value } = await (next ?? parts.next());
        next = undefined;
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        // The head has gone out: a file that breaks off is all that can tell.
        controller.error(error);
      }
    },
    cancel: async () => {
      await parts.return();
    },
  });
}

async function* csv(store: Pick<EventStore, 'find'>, filter: EventFilter): AsyncGenerator<string, void, undefined> {
  let before = csvLine([...COLUMNS, 'data']);
  for await (const { events } of pieces(store, filter, 'oldest')) {
    const lines = events.map((event) =>
      csvLine([...COLUMNS.map((name) => String(event[name] ?? '')), JSON.stringify(event.data)]),
    );
    yield `${before}${lines.join('')}`;
    before = '';
  }
  if (before !== '') yield before;
}

async function* json(store: Pick<EventStore, 'find'>, filter: EventFilter): AsyncGenerator<string, void, undefined> {
  let before = '[';
  for await (const { texts } of pieces(store, filter, 'oldest')) {
    yield `${before}${texts.join(',\n')}`;
    before = ',\n';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

async function* list(
  store: Pick<EventStore, 'find'>,
  filter: EventFilter,
  limit: number,
  total: number,
): AsyncGenerator<string, void, undefined> {
  let before = '{"events":[';
  for await (const { texts } of pieces(store, filter, 'newest', limit)) {
    yield `${before}${texts.join(',')}`;
    before = ',';
  }
  yield `${before === ',' ? '' : before}],"total":${total}}`;
}
