/** One session as a story: prompt, tool, wait, decision, result. */
import type { EventRecord, EventStore } from '../events.ts';
import { address, readCount } from './event-query.ts';
import { lookOf, summaryOf, typeOf } from './event-words.ts';
import { fieldsOf, textOf } from './fields.ts';
import { type Html, h } from './html.ts';
import { badge, type Icon, type Tone } from './markup.ts';
import { type Page, problemPage } from './page-frame.ts';
import { prettyJson } from './pretty-json.ts';
import { eventHref, shortId } from './row-model.ts';
import { clip, clipLine } from './shown-text.ts';
import { type CallItem, type EventItem, timelineOf } from './timeline.ts';
import { clock, iso, spanWords, waited } from './times.ts';
import { endText, waitingCard } from './waiting-model.ts';

/** Events of a page. */
const PAGE = 200;
/** What the JSON of all events of a page may take, in bytes of markup; an event's share is between these two. */
const JSON_BYTES = 100_000;
const MOST_JSON = 2000;
/** Texts of people and agents; their middle share of a page of 200 is smaller than the JSON's. */
const TEXT = 600;
const NAME = 80;

/** Rejects as the store does. */
export async function sessionPage(
  store: Pick<EventStore, 'find'>,
  session: string,
  url: URL,
  now: number,
): Promise<Page> {
  const beforeSeq = readCount(url.searchParams.get('before'));
  const filter = { session, ...(beforeSeq === undefined ? {} : { beforeSeq }) };
  const found = await store.find(filter, PAGE + 1, 'newest');
  const events = found.slice(0, PAGE);
  const [newest] = events;
  const oldest = events.at(-1);
  if (newest === undefined || oldest === undefined) return unknown(session);
  const isWhole = found.length <= PAGE;
  const share = Math.min(MOST_JSON, Math.floor(JSON_BYTES / events.length));
  const items = timelineOf(events);
  const path = `/sessions/${encodeURIComponent(session)}`;
  return {
    title: `Session ${clipLine(shortId(session), NAME)}`,
    current: '/sessions',
    body: [
      h('h1', {}, 'Session ', h('bdi', {}, clipLine(session, NAME))),
      facts(events, newest, oldest, now, isWhole),
      h('div', { id: 'news' }),
      h('ol', { class: 'rows steps', id: 'steps' }, ...items.map((item) => step(item, now, share))),
      pager(path, oldest, beforeSeq !== undefined, isWhole),
    ],
    ...(beforeSeq === undefined
      ? { live: { view: 'session', query: new URLSearchParams({ session }), after: newest.seq } }
      : {}),
  };
}

function unknown(session: string): Page {
  return problemPage('/sessions', 'Session not found', 404, [
    `No event of a session ${clipLine(session, NAME)} is stored.`,
    'It may have been older than what is kept.',
  ]);
}

function pager(path: string, oldest: EventRecord, isOlder: boolean, isWhole: boolean): Html | null {
  if (!isOlder && isWhole) return null;
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'More of this session' },
    isWhole ? null : h('a', { href: address(path, { before: String(oldest.seq) }) }, 'Earlier events'),
    isOlder ? h('a', { href: path }, 'Latest events') : null,
  );
}

function facts(
  events: readonly EventRecord[],
  newest: EventRecord,
  oldest: EventRecord,
  now: number,
  isWhole: boolean,
): Html {
  const known = (name: 'agent' | 'project' | 'host'): string =>
    events.find((event) => event[name] !== null)?.[name] ?? '–';
  const [first, last] = [Date.parse(oldest.timestamp), Date.parse(newest.timestamp)];
  const pairs: readonly (readonly [string, string | Html])[] = [
    ['Agent', known('agent')],
    ['Project', clipLine(known('project'), NAME)],
    ['Host', clipLine(known('host'), NAME)],
    [isWhole ? 'Began' : 'Shown from', h('time', { datetime: iso(first) }, clock(first, now))],
    ['Lasted', spanWords(Math.max(0, last - first))],
    ['Events', `${events.length}${isWhole ? '' : ' shown'}`],
  ];
  return h(
    'dl',
    { class: 'facts' },
    ...pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

function step(item: CallItem | EventItem, now: number, share: number): Html {
  return item.type === 'call' ? callStep(item, now, share) : eventStep(item, now, share);
}

function eventStep({ at, event }: EventItem, now: number, share: number): Html {
  const { tone, icon } = lookOf(event);
  const text = clip(summaryOf(event), TEXT).text;
  return h(
    'li',
    { class: `row ${event.kind === 'prompt.submitted' ? 'prompt' : ''}` },
    h('time', { datetime: iso(at), class: 'when' }, clock(at, now)),
    badge(h, tone, icon, clipLine(typeOf(event), NAME)),
    h(
      'div',
      { class: 'what' },
      text === '' ? null : h('p', { class: 'said' }, h('bdi', {}, text)),
      json([event], at, now, share),
    ),
  );
}

function callStep(item: CallItem, now: number, share: number): Html {
  const { at, tool, call, asked, approval, result } = item;
  const events = [asked, result].filter((event) => event !== undefined);
  const [tone, icon] = lookOfCall(item);
  return h(
    'li',
    { class: 'row' },
    h('time', { datetime: iso(at), class: 'when' }, clock(at, now)),
    badge(h, tone, icon, clipLine(tool ?? 'Tool', NAME)),
    h(
      'div',
      { class: 'what' },
      call === '' ? null : h('code', { class: 'call' }, clip(call, TEXT).text),
      h('ol', { class: 'parts' }, ...(approval === undefined ? [] : waitParts(item, now)), resultPart(item)),
      json(events, at, now, share),
    ),
  );
}

function lookOfCall({ result, approval }: CallItem): readonly [Tone, Icon] {
  if (result?.kind === 'tool.failed' || approval?.end?.outcome === 'denied') return ['bad', 'cross'];
  if (result !== undefined) return ['good', 'check'];
  return approval !== undefined && approval.end === undefined ? ['wait', 'clock'] : ['tool', 'tool'];
}

function waitParts({ approval }: CallItem, now: number): readonly (Html | null)[] {
  if (approval === undefined) return [];
  const { approvers, links, end } = waitingCard(approval, now);
  const ms = (approval.end?.at ?? now) - approval.since;
  const isAsked = approval.end?.rule === undefined;
  const wait = h(
    'li',
    {},
    badge(h, 'wait', 'clock', end === undefined ? 'Waits' : 'Waited'),
    h(
      'span',
      {},
      h('b', {}, end === undefined ? waited(ms) : spanWords(Math.max(0, ms))),
      ' for ',
      h('bdi', {}, approvers),
    ),
    ...links.slice(0, 1).map(({ link }) => h('a', { href: link, rel: 'noreferrer' }, 'Card in Slack')),
  );
  const decision =
    end === undefined
      ? null
      : h('li', {}, badge(h, end.tone, end.icon, end.word), h('bdi', {}, endText(approval, !isAsked)));
  return isAsked && approval.isRequestKnown ? [wait, decision] : [decision];
}

function resultPart({ result, approval, ms }: CallItem): Html | null {
  if (result === undefined) {
    const isStopped = approval?.end !== undefined && approval.end.outcome !== 'allowed';
    return isStopped || (approval !== undefined && approval.end === undefined)
      ? null
      : h('li', {}, badge(h, 'plain', 'dot', 'No result yet'));
  }
  const isFailed = result.kind === 'tool.failed';
  const data = fieldsOf(result.data);
  const text = isFailed ? textOf(data, 'error', 'reason') : outputOf(data.tool_response);
  return h(
    'li',
    {},
    isFailed ? badge(h, 'bad', 'cross', 'Failed') : badge(h, 'good', 'check', 'Done'),
    ms === undefined ? null : h('span', {}, `in ${spanWords(ms)}`),
    text === undefined ? null : h('bdi', { class: 'output' }, clipLine(text, 200)),
  );
}

/** What a tool said, where it is a text. */
function outputOf(response: unknown): string | undefined {
  if (typeof response === 'string') return response.trim() === '' ? undefined : response;
  return textOf(fieldsOf(response), 'stdout', 'stderr', 'result', 'message', 'text');
}

function json(events: readonly EventRecord[], at: number, now: number, share: number): Html | null {
  if (events.length === 0) return null;
  return h(
    'details',
    {},
    h(
      'summary',
      {},
      events.length === 1 ? 'Event' : 'Events',
      h(
        'span',
        { class: 'only-heard' },
        ` of ${clock(at, now)}: ${events.map((event) => clipLine(typeOf(event), NAME)).join(', ')}`,
      ),
    ),
    ...events.flatMap((event) => {
      const { text, isCut } = prettyJson(event, share);
      return [
        h('pre', {}, text),
        h(
          'p',
          { class: 'about' },
          h('a', { href: eventHref(event) }, isCut ? 'Cut here: the whole event as JSON' : 'This event as JSON'),
        ),
      ];
    }),
  );
}
