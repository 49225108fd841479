/** Events as a file for other programs, read from the store page by page: as large as it may be, only a page is in memory. */
import { csvLine } from '../csv.ts';
import type { EventFilter, EventRecord, EventStore } from '../events.ts';

export type ExportForm = 'json' | 'csv';

const PAGE = 1_000;

const COLUMNS = [
  ...['event_id', 'timestamp', 'event_type', 'kind', 'session_id', 'agent', 'project', 'host', 'tool', 'src'],
  ...['workflow_id', 'phase_id', 'milestone_id', 'approval_id'],
] as const satisfies readonly (keyof EventRecord)[];

/** All events of a filter, oldest first: one JSON array, or CSV with the data as JSON in the last column. */
export function exportOf(
  store: Pick<EventStore, 'find'>,
  filter: EventFilter,
  form: ExportForm,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const parts = form === 'csv' ? csv(store, filter) : json(store, filter);
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { done, value } = await parts.next();
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
  yield csvLine([...COLUMNS, 'data']);
  for await (const page of pages(store, filter)) {
    yield page
      .map((event) => csvLine([...COLUMNS.map((name) => String(event[name] ?? '')), JSON.stringify(event.data)]))
      .join('');
  }
}

async function* json(store: Pick<EventStore, 'find'>, filter: EventFilter): AsyncGenerator<string, void, undefined> {
  let before = '[';
  for await (const page of pages(store, filter)) {
    yield `${before}${page.map((event) => JSON.stringify(event)).join(',\n')}`;
    before = ',\n';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

async function* pages(
  store: Pick<EventStore, 'find'>,
  filter: EventFilter,
): AsyncGenerator<readonly EventRecord[], void, undefined> {
  let { afterSeq } = filter;
  for (;;) {
    const page = await store.find({ ...filter, ...(afterSeq === undefined ? {} : { afterSeq }) }, PAGE, 'oldest');
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    afterSeq = page.at(-1)?.seq;
  }
}
