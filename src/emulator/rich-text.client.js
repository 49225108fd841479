/** Rich text, tables and Markdown: what needs no reading of mrkdwn. */
import { h, link } from './dom.client.js';
import { emoji } from './mrkdwn.client.js';

/** A row of a table block; the first one is its head. */
export function tableRow(row, index, block, context) {
  return h(
    'tr',
    {},
    row.map((cell, column) =>
      h(
        index === 0 ? 'th' : 'td',
        { class: `align-${block.column_settings?.[column]?.align ?? 'left'}` },
        cell.type === 'rich_text' ? richText(cell, context) : cell.text,
      ),
    ),
  );
}

/** Code as it stands: it scrolls sideways, with the keyboard as well. */
export function preformatted(children, className) {
  return h('pre', { class: className, tabindex: 0 }, children);
}

/** The elements of a rich_text block. */
export function richText(block, context) {
  const counters = new Map();
  return block.elements.map((part) => {
    const bordered = part.border ? 'bordered' : undefined;
    if (part.type === 'rich_text_list') return list(part, context, counters);
    // Numbering starts again after anything that is no list.
    counters.clear();
    const inside = part.elements.map((item) => inline(item, context));
    if (part.type === 'rich_text_preformatted') return preformatted(inside, bordered);
    return h(part.type === 'rich_text_quote' ? 'blockquote' : 'p', { class: bordered }, inside);
  });
}

/** Lists of one depth count on while deeper ones come in between. */
function list(part, context, counters) {
  const indent = part.indent ?? 0;
  for (const depth of counters.keys()) if (depth > indent) counters.delete(depth);
  const before = part.offset ?? (part.style === 'ordered' ? (counters.get(indent) ?? 0) : 0);
  counters.set(indent, before + part.elements.length);
  return h(
    part.style === 'ordered' ? 'ol' : 'ul',
    {
      class: `indent-${indent} marks-${indent % 3}${part.border ? ' bordered' : ''}`,
      start: part.style === 'ordered' && before > 0 ? before + 1 : undefined,
    },
    part.elements.map((item) =>
      h(
        'li',
        {},
        item.elements.map((leaf) => inline(leaf, context)),
      ),
    ),
  );
}

/** One piece of rich text: always literal, whatever characters are in it. */
function inline(item, { names }) {
  if (item.type === 'emoji') return emoji(item.name);
  if (item.type === 'user') return h('span', { class: 'mention' }, `@${names(item.user_id)}`);
  if (item.type === 'broadcast') return h('span', { class: 'mention' }, `@${item.range}`);
  if (item.type === 'channel') return h('span', { class: 'mention' }, `#${item.channel_id}`);
  if (item.type === 'link') return styled(link(item.url, item.text ?? item.url), item.style);
  if (item.type === 'text') return styled(item.text, item.style);
  if (item.type === 'date') return formatDate(item);
  return item.fallback ?? item.value ?? `(${item.type})`;
}

function styled(node, style = {}) {
  let result = node;
  for (const [name, tag] of Object.entries({ bold: 'b', italic: 'i', strike: 's', underline: 'u', code: 'code' })) {
    if (style[name]) result = h(tag, {}, result);
  }
  return result;
}

/** Enough of standard Markdown for a markdown block: headings, fences, lists, bold, italic, code and links. */
export function markdown(text) {
  return text.split(/(```[\s\S]*?```)/).flatMap((part) => {
    if (part.startsWith('```')) return [preformatted(part.replace(/^```[^\n]*\n?/, '').replace(/\n?```$/, ''))];
    return part
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const heading = /^(#{1,6})\s+(.*)$/.exec(line);
        if (heading) return h('p', {}, h('b', {}, markdownInline(heading[2])));
        const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line);
        return item ? h('p', { class: 'item' }, '• ', markdownInline(item[1])) : h('p', {}, markdownInline(line));
      });
  });
}

function markdownInline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    const named = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    if (named) return link(named[2], named[1]);
    if (/^`[^`]+`$/.test(part)) return h('code', {}, part.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(part)) return h('b', {}, part.slice(2, -2));
    return /^\*[^*]+\*$/.test(part) ? h('i', {}, part.slice(1, -1)) : part;
  });
}

/** Slack's date tokens, in the reader's own time zone; a format with any other token shows the fallback. */
function formatDate({ timestamp, format, fallback }) {
  const at = new Date(timestamp * 1000);
  const time = (options) => at.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit', ...options });
  const day = (month) => at.toLocaleDateString([], { month, day: 'numeric', year: 'numeric' });
  const isToday = at.toDateString() === new Date().toDateString();
  const tokens = {
    date_num: at.toISOString().slice(0, 10),
    date: day('long'),
    date_short: day('short'),
    date_pretty: isToday ? 'today' : day('long'),
    date_short_pretty: isToday ? 'today' : day('short'),
    time: time({}),
    time_secs: time({ second: '2-digit' }),
  };
  const names = [...format.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  if (names.some((name) => !Object.hasOwn(tokens, name))) return fallback ?? format;
  return format.replace(/\{(\w+)\}/g, (_all, name) => tokens[name]);
}
