/** "Show all": which pages a person has turned. A modal whose pages were all seen is a place where the whole request was shown. */
import type { ModalView } from '@slack/types';
import type { Entry } from './slack-entries.ts';
import { field } from './slack-errors.ts';
import type { FormOrigin } from './slack-form.ts';
import { type Page, pagesOf, renderPage } from './slack-pages.ts';

export interface Paging {
  first(origin: FormOrigin, entry: Entry): ModalView;
  /** The page that a press leads to; `from` is the page that it was made on, which therefore was shown. */
  turned(origin: FormOrigin, entry: Entry, viewId: string, from: number, to: number): ModalView;
  /** To be called for a submitted modal before its answer is given. */
  noteShown(entry: Entry, conversation: string, view: unknown): void;
}

/** Modals that are remembered. */
const VIEWS_KEPT = 100;

export function createPaging(): Paging {
  const seen = new Map<string, Set<number>>();

  const pageOf = (origin: FormOrigin, entry: Entry, index: number, pagesSeen: ReadonlySet<number>): ModalView => {
    const pages = pagesFor(entry);
    const isAll = entry.body.isSayable && [...pages.keys()].every((page) => page === index || pagesSeen.has(page));
    return renderPage(origin, pages, index, isAll, entry.request.digest);
  };

  const noteSeen = (viewId: string, page: number): ReadonlySet<number> => {
    const pages = seen.get(viewId) ?? new Set();
    pages.add(page);
    seen.delete(viewId);
    seen.set(viewId, pages);
    for (const oldest of seen.keys()) {
      if (seen.size <= VIEWS_KEPT) break;
      seen.delete(oldest);
    }
    return pages;
  };

  return {
    first: (origin, entry) => pageOf(origin, entry, 0, new Set()),
    turned: (origin, entry, viewId, from, to) => pageOf(origin, entry, to, noteSeen(viewId, from)),
    noteShown: (entry, conversation, view) => {
      const viewId = String(field(view, 'id'));
      const last = pagesFor(entry).length - 1;
      const pagesSeen = seen.get(viewId) ?? new Set();
      const isAll = [...Array(last).keys()].every((page) => pagesSeen.has(page));
      const hasApprove = typeof field(view, 'submit') === 'object' && field(view, 'submit') !== null;
      if (!isAll || !hasApprove || !entry.body.isSayable) return;
      entry.onShown({ conversation, message: pagesPlace(viewId), complete: true });
    },
  };
}

/** As a place where a request is shown; no message has such a `ts`. */
export function pagesPlace(viewId: string): string {
  return `pages:${viewId}`;
}

/** The fields of a card are masked already. */
function pagesFor({ body }: Entry): readonly Page[] {
  return pagesOf(body.fields, (shown) => shown);
}
