/** Blocks as Slack shows them. */
import { h, link } from './dom.client.js';
import { renderElement } from './elements.client.js';
import { decode, emoji, parseMrkdwn } from './mrkdwn.client.js';

const TAGS = { bold: 'b', italic: 'i', strike: 's' };

/** Text of mrkdwn. `names` turns user ids into names. */
export function mrkdwn(text, names, options) {
  return nodes(parseMrkdwn(text, options), names);
}

function nodes(list, names) {
  return list.map((node) => {
    if (node.type === 'text') return node.text;
    if (node.type === 'break') return h('br');
    if (node.type === 'fence') return h('pre', {}, node.text);
    if (node.type === 'code') return h('code', {}, node.text);
    if (node.type === 'link') return link(node.url, node.text);
    if (node.type === 'person') return h('span', { class: 'mention' }, `@${node.text ?? names(node.id)}`);
    if (node.type === 'mention') return h('span', { class: 'mention' }, node.text);
    if (node.type === 'quote') return h('blockquote', {}, nodes(node.children, names));
    return h(TAGS[node.type], {}, nodes(node.children, names));
  });
}

/** A text object: plain_text or mrkdwn. */
export function textObject(object, names) {
  if (object?.type === 'mrkdwn') return mrkdwn(object.text, names, { verbatim: object.verbatim });
  const text = decode(String(object?.text ?? ''));
  return object?.emoji === false ? [text] : [text.replace(/:([a-z0-9_+-]+):/g, (_all, name) => emoji(name))];
}

/**
 * The blocks of a message or view. `context`: `names(userId)`, `people`, `press(blockId, actionId, entered, element)`,
 * and `fields`, a Map that gets `blockId/actionId` -> `{read, blockId, actionId, block}` for every element with a value.
 */
export function renderBlocks(blocks, context) {
  return blocks.map((block) => {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknown;
    const node = draw(block, context);
    node.classList.add('block', `block-${block.type}`);
    return node;
  });
}

const BLOCKS = {
  header: (block, { names }) => h('h3', {}, textObject(block.text, names)),
  divider: () => h('hr'),
  section: (block, context) =>
    h(
      'div',
      {},
      h(
        'div',
        { class: 'section-text' },
        block.text ? h('p', {}, textObject(block.text, context.names)) : undefined,
        block.fields
          ? h(
              'div',
              { class: 'fields' },
              block.fields.map((field) => h('p', {}, textObject(field, context.names))),
            )
          : undefined,
      ),
      block.accessory ? interactive(block, block.accessory, context) : undefined,
    ),
  context: (block, { names }) =>
    h(
      'div',
      {},
      block.elements.map((item) => (item.type === 'image' ? picture(item) : h('span', {}, textObject(item, names)))),
    ),
  actions: (block, context) =>
    h(
      'div',
      {},
      block.elements.map((element) => interactive(block, element, context)),
    ),
  image: (block, { names }) =>
    h('figure', {}, block.title ? h('figcaption', {}, textObject(block.title, names)) : undefined, picture(block)),
  markdown: (block) => h('div', {}, markdown(block.text)),
  table: (block, context) =>
    h(
      'div',
      { role: 'region', 'aria-label': 'Table', tabindex: 0 },
      h(
        'table',
        {},
        block.rows.map((row, index) => tableRow(row, index, block, context)),
      ),
    ),
  file: (block) => h('p', {}, `📄 ${block.external_id}`),
  rich_text: (block, context) => h('div', {}, richText(block, context)),
  input: (block, context) => {
    const drawn = interactive(block, block.element, context, !block.dispatch_action);
    const label = h(
      'label',
      {},
      textObject(block.label, context.names),
      block.optional ? h('small', {}, ' (optional)') : undefined,
    );
    const control = drawn.matches('input, select, textarea') ? drawn : drawn.querySelector('input, select, textarea');
    if (control && !drawn.matches('fieldset')) {
      control.id = `field-${block.block_id}-${block.element.action_id}`;
      label.htmlFor = control.id;
    }
    return h(
      'div',
      { 'data-block': block.block_id },
      label,
      drawn,
      block.hint ? h('small', { class: 'hint' }, textObject(block.hint, context.names)) : undefined,
      h('p', { class: 'error', role: 'alert' }),
    );
  },
};

function unknown(block) {
  return h('p', { class: 'hint' }, `(a ${block.type} block, which this page does not draw)`);
}

function interactive(block, element, context, silent = false) {
  if (element.type === 'image') return picture(element);
  const entry = renderElement(element, {
    text: (object) => textObject(object, context.names),
    people: context.people,
    label: block.type === 'input' ? String(block.label?.text ?? '') : undefined,
    press: (entered) => (silent ? undefined : context.press(block.block_id, element, entered)),
  });
  if (entry.read) context.fields.set(`${block.block_id}/${element.action_id}`, { ...entry, block, element });
  return entry.node;
}

/** Pictures are not fetched: the page talks to nobody but the emulator. */
function picture(item) {
  return h(
    'span',
    { class: 'picture', role: 'img', 'aria-label': item.alt_text, title: item.image_url },
    `🖼 ${item.alt_text}`,
  );
}

function tableRow(row, index, block, context) {
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

function richText(block, context) {
  return block.elements.map((part) => {
    const inside = part.elements.map((item) =>
      part.type === 'rich_text_list'
        ? h(
            'li',
            {},
            item.elements.map((leaf) => inline(leaf, context)),
          )
        : inline(item, context),
    );
    if (part.type === 'rich_text_preformatted') return h('pre', {}, inside);
    if (part.type === 'rich_text_quote') return h('blockquote', {}, inside);
    if (part.type !== 'rich_text_list') return h('p', {}, inside);
    const start = part.style === 'ordered' && part.offset ? part.offset + 1 : undefined;
    return h(part.style === 'ordered' ? 'ol' : 'ul', { class: `indent-${part.indent ?? 0}`, start }, inside);
  });
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
function markdown(text) {
  return text.split(/(```[\s\S]*?```)/).flatMap((part) => {
    if (part.startsWith('```')) return [h('pre', {}, part.replace(/^```[^\n]*\n?/, '').replace(/\n?```$/, ''))];
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
