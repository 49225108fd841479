/** What keeps an open page up to date. Without it every page is complete, and only stands still. */
import { Fragment, h, render } from 'preact';
import { badge } from './markup.ts';
import { rowView } from './row-view.ts';
import { waitingView } from './waiting-view.ts';

/** Rows that are kept of what came while the page was open; the page's own stay below them. */
const MAX_ROWS = 200;
/** Ids that are known to be shown; many times what a resumed stream sends again. */
const MAX_KNOWN = 5000;
/** How often at most something is said aloud, in milliseconds. */
const SAID_EVERY = 5000;
/** How long after a refusal it is tried again, in milliseconds; after a cut the browser tries by itself. */
const AGAIN = 10_000;

const { live: address, view, title, oldest = 0 } = document.body.dataset;
const byId = (id) => document.getElementById(id);

const rowList = byId('rows');
const shown = new Set([...document.querySelectorAll('[data-id]')].map((row) => row.dataset.id));
let fresh = [];
let more = 0;
let isPaused = false;
let state = 'connecting';
let waiting;
/** The server's clock is this much ahead of ours. */
let ahead = 0;
let lastId = '';

// The page's own rows and what came since are two lists: what stands there is never touched.
const freshList = view === 'activity' && rowList ? document.createElement('ol') : undefined;
if (freshList) {
  freshList.className = 'rows fresh';
  rowList.before(freshList);
}

function draw() {
  const live = byId('live');
  if (live) render(control(), live);
  if (isPaused) return drawNews();
  if (freshList)
    render(
      fresh.map((row) => h(Fragment, { key: row.id }, rowView(h, row))),
      freshList,
    );
  if (fresh.length > 0) byId('empty')?.remove();
  drawNews();
  drawWaiting();
}

function control() {
  const words = { connecting: 'Connecting', open: 'Live', cut: 'Connection lost' };
  const [tone, name] = state === 'open' && !isPaused ? ['good', 'check'] : ['wait', isPaused ? 'pause' : 'clock'];
  return [
    badge(h, tone, name, isPaused ? 'Paused' : words[state]),
    h('button', { type: 'button', class: 'quiet', 'aria-pressed': String(isPaused), onClick: pause }, 'Pause'),
  ];
}

function pause() {
  isPaused = !isPaused;
  if (!isPaused) take([]);
  draw();
}

/** What is not shown: while it is paused, or because too much came at once. */
function drawNews() {
  const news = byId('news');
  if (!news) return;
  const count = (isPaused || view === 'session' ? held.length : 0) + more;
  const text = `${count} more ${count === 1 ? 'event' : 'events'}`;
  render(
    count === 0
      ? null
      : h(
          'p',
          { class: 'note' },
          `${text}. `,
          isPaused && more === 0 ? null : h('a', { href: location.href }, 'Load the page again'),
        ),
    news,
  );
}

let held = [];

/** Newest first, each once. */
function take(rows) {
  held = [...held, ...rows.filter(({ id, seq }) => !shown.has(id) && seq >= Number(oldest))];
  for (const { id } of rows) shown.add(id);
  for (const id of shown) {
    if (shown.size <= MAX_KNOWN) break;
    shown.delete(id);
  }
  const newest = (list) => list.sort((one, two) => two.seq - one.seq).slice(0, MAX_ROWS);
  if (isPaused) {
    more += Math.max(0, held.length - MAX_ROWS);
    held = newest(held);
    return;
  }
  fresh = newest([...held, ...fresh]);
  held = [];
}

function drawWaiting() {
  if (!waiting) return;
  const { count, model } = waiting;
  const badgeOf = byId('count');
  if (badgeOf) {
    badgeOf.textContent = count;
    badgeOf.classList.toggle('some', count > 0);
  }
  document.title = `${count > 0 ? `(${count}) ` : ''}${title} · claude-slack-hook`;
  const place = byId('waiting');
  if (place && model) render(waitingView(h, model, Date.now() + ahead), place);
}

let saidAt = 0;
let saidCount = Number(byId('count')?.textContent ?? 0);
let saying;

/** Only how many wait, and not more often than somebody can listen to. */
function say() {
  if (saying || !waiting || waiting.count === saidCount || isPaused) return;
  saying = setTimeout(
    () => {
      saying = undefined;
      const { count } = waiting;
      if (count === saidCount || isPaused) return;
      [saidAt, saidCount] = [Date.now(), count];
      byId('said').textContent =
        count === 0
          ? 'Nobody waits for a person.'
          : `${count} ${count === 1 ? 'agent waits' : 'agents wait'} for a person.`;
    },
    Math.max(0, saidAt + SAID_EVERY - Date.now()),
  );
}

function connect() {
  const source = new EventSource(lastId === '' ? address : address.replace(/([?&]after=)\d+/, `$1${lastId}`));
  source.onopen = () => {
    state = 'open';
    draw();
  };
  source.onerror = () => {
    state = 'cut';
    draw();
    // The browser connects again by itself, but not after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN);
  };
  source.addEventListener('rows', ({ data, lastEventId }) => {
    const frame = JSON.parse(data);
    lastId = lastEventId;
    more += frame.more;
    take(frame.rows);
    draw();
  });
  source.addEventListener('waiting', ({ data }) => {
    const { now, is } = JSON.parse(data);
    ahead = now - Date.now();
    waiting = is;
    say();
    draw();
  });
}

connect();
draw();
if (view === 'waiting') setInterval(() => !isPaused && drawWaiting(), 1000);
