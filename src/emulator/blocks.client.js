/** Blocks as Slack shows them. */
import { h, link } from './dom.client.js';
import { renderElement } from './elements.client.js';
import { decode, emoji, parseMrkdwn } from './mrkdwn.client.js';
import { markdown, preformatted, richText, tableRow } from './rich-text.client.js';

const TAGS = { bold: 'b', italic: 'i', strike: 's' };

/** Text of mrkdwn. `names` turns user ids into names. */
export function mrkdwn(text, names, options) {
  return nodes(parseMrkdwn(text, options), names);
}

function nodes(list, names) {
  return list.map((node) => {
    if (node.type === 'text') return node.text;
    if (node.type === 'break') return h('br');
    if (node.type === 'fence') return preformatted(node.text);
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
 * `fields`, a Map that gets `blockId/actionId` -> `{read, block, element}` for every element with a value, and `kept`,
 * what was in such elements before, as `valuesOf` writes it.
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
  context_actions: (block, context) =>
    h(
      'div',
      {},
      block.elements.map((element) => interactive(block, element, context)),
    ),
  alert: (block, { names }) =>
    h('p', { class: `alert-${block.level ?? 'default'}`, role: 'note' }, textObject(block.text, names)),
  file: (block) => h('p', {}, `📄 ${block.external_id}`),
  rich_text: (block, context) => h('div', {}, richText(block, context)),
  input: (block, context) => {
    const drawn = interactive(block, block.element, context, !block.dispatch_action);
    const id = `field-${block.block_id}-${block.element.action_id}`;
    const isGroup = drawn.matches('fieldset');
    // A group of boxes takes its name from aria-label; a label is for one control.
    const label = h(
      isGroup ? 'p' : 'label',
      { class: 'label', for: isGroup ? undefined : id },
      textObject(block.label, context.names),
      block.optional ? h('small', {}, ' (optional)') : undefined,
    );
    if (!isGroup) drawn.id = id;
    drawn.setAttribute('aria-describedby', `${id}-error`);
    return h(
      'div',
      { 'data-block': block.block_id },
      label,
      drawn,
      block.hint ? h('p', { class: 'hint' }, textObject(block.hint, context.names)) : undefined,
      h('p', { class: 'error', role: 'alert', id: `${id}-error` }),
    );
  },
};

function unknown(block) {
  return h('p', { class: 'hint' }, `(a ${block.type} block, which this page does not draw)`);
}

/** What an element calls its value, and what it calls the value to start with. */
const STARTS = {
  selected_option: 'initial_option',
  selected_options: 'initial_options',
  selected_user: 'initial_user',
  selected_date: 'initial_date',
  selected_time: 'initial_time',
  value: 'initial_value',
};

/** The element, started with what the person had entered before it was drawn anew. */
function continued(element, kept) {
  if (kept?.type !== element.type) return element;
  const starts = Object.entries(STARTS).filter(([name]) => name in kept);
  return { ...element, ...Object.fromEntries(starts.map(([name, start]) => [start, kept[name] ?? undefined])) };
}

function interactive(block, given, context, silent = false) {
  if (given.type === 'image') return picture(given);
  const element = continued(given, context.kept?.[block.block_id]?.[given.action_id]);
  const entry = renderElement(element, {
    text: (object) => textObject(object, context.names),
    people: context.people,
    label: block.type === 'input' ? String(block.label?.text ?? '') : undefined,
    press: async (entered) => silent || context.press(block.block_id, element, entered),
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
