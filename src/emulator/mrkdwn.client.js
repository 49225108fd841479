/**
 * Slack's mrkdwn as a tree, drawn as Slack draws it: the three entities are decoded last, so that decoded text is never read again,
 * and there is no way to escape `*`, `_`, `~` or a backtick.
 */

const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
const INLINE = [
  { type: 'bold', mark: '*' },
  { type: 'italic', mark: '_' },
  { type: 'strike', mark: '~' },
];
const EMOJI = {
  white_check_mark: '✅',
  heavy_check_mark: '✔️',
  x: '❌',
  no_entry: '⛔',
  no_entry_sign: '🚫',
  warning: '⚠️',
  eyes: '👀',
  lock: '🔒',
  key: '🔑',
  bell: '🔔',
  robot_face: '🤖',
  hourglass: '⌛',
  hourglass_flowing_sand: '⏳',
  stopwatch: '⏱️',
  rotating_light: '🚨',
  question: '❓',
  wave: '👋',
  tada: '🎉',
  '+1': '👍',
  thumbsup: '👍',
  '-1': '👎',
  thumbsdown: '👎',
  large_green_circle: '🟢',
  red_circle: '🔴',
  large_yellow_circle: '🟡',
  large_blue_circle: '🔵',
  computer: '💻',
  file_folder: '📁',
  page_facing_up: '📄',
  pencil2: '✏️',
  globe_with_meridians: '🌐',
  heart: '❤️',
  rocket: '🚀',
  memo: '📝',
  arrow_right: '➡️',
  repeat: '🔁',
  speech_balloon: '💬',
};
/** The skin tones of `::skin-tone-2` to `::skin-tone-6`. */
const TONES = ['🏻', '🏼', '🏽', '🏾', '🏿'];

/** The text with `&amp;`, `&lt;` and `&gt;` as the characters they stand for. */
export function decode(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

/** An emoji's picture, or its name between colons when this page does not know it. */
export function emoji(name) {
  const [base, tone] = name.split('::skin-tone-');
  if (!Object.hasOwn(EMOJI, base)) return `:${name}:`;
  return `${EMOJI[base]}${TONES[Number(tone) - 2] ?? ''}`;
}

/** A list of nodes `{type, text?, url?, children?}`. Options: `verbatim` leaves bare addresses alone. */
export function parseMrkdwn(text, options = {}) {
  const nodes = [];
  const fence = /```([\s\S]+?)```/g;
  let from = 0;
  for (const match of text.matchAll(fence)) {
    nodes.push(...parseLines(text.slice(from, match.index).replace(/\n$/, ''), options));
    nodes.push({ type: 'fence', text: plainOf(match[1].replace(/^\n/, '').replace(/\n$/, '')) });
    from = match.index + match[0].length;
    if (text[from] === '\n') from += 1;
  }
  nodes.push(...parseLines(text.slice(from), options));
  return nodes;
}

/** Lines, where those that start with `>` are quotes. */
function parseLines(text, options) {
  if (text === '') return [];
  const nodes = [];
  for (const [index, line] of text.split('\n').entries()) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const last = nodes.at(-1);
    if (quote) {
      const children = parseInline(quote[1], options);
      if (last?.type === 'quote') last.children.push({ type: 'break' }, ...children);
      else nodes.push({ type: 'quote', children });
      continue;
    }
    if (index > 0 && last?.type !== 'quote') nodes.push({ type: 'break' });
    nodes.push(...parseInline(line, options));
  }
  return nodes;
}

function parseInline(text, options) {
  const nodes = [];
  let plain = '';
  const flush = () => {
    if (plain !== '') nodes.push(...parsePlain(plain, options));
    plain = '';
  };
  let at = 0;
  while (at < text.length) {
    const found = codeAt(text, at) ?? tokenAt(text, at) ?? styledAt(text, at, options);
    if (found === undefined) {
      plain += text[at];
      at += 1;
      continue;
    }
    flush();
    nodes.push(found.node);
    at = found.end;
  }
  flush();
  return nodes;
}

function codeAt(text, at) {
  if (text[at] !== '`') return undefined;
  const end = text.indexOf('`', at + 1);
  if (end <= at + 1) return undefined;
  return { node: { type: 'code', text: plainOf(text.slice(at + 1, end)) }, end: end + 1 };
}

/** `<...>`: a link, a person, a channel, a command like <!here>. */
function tokenAt(text, at) {
  const match = /^<([^<>\n]+)>/.exec(text.slice(at));
  if (match === null) return undefined;
  return { node: token(match[1]), end: at + match[0].length };
}

function token(inside) {
  const bar = inside.indexOf('|');
  const target = decode(bar < 0 ? inside : inside.slice(0, bar));
  const label = bar < 0 ? undefined : decode(inside.slice(bar + 1));
  if (target.startsWith('@')) return { type: 'person', id: target.slice(1), text: label };
  if (target.startsWith('#')) return { type: 'mention', text: `#${label ?? target.slice(1)}` };
  if (target.startsWith('!date^')) return { type: 'text', text: label ?? target };
  if (target.startsWith('!')) return { type: 'mention', text: `@${label ?? target.slice(1).split('^')[0]}` };
  return { type: 'link', url: target, text: label ?? target.replace(/^mailto:/, '') };
}

/** `*bold*` and the like: the marks stand at the edge of words and in one line. */
function styledAt(text, at, options) {
  const style = INLINE.find(({ mark }) => mark === text[at]);
  if (style === undefined || isWord(text[at - 1]) || /[\s]/.test(text[at + 1] ?? ' ')) return undefined;
  for (let end = text.indexOf(style.mark, at + 2); end > 0; end = text.indexOf(style.mark, end + 1)) {
    if (/\s/.test(text[end - 1]) || isWord(text[end + 1])) continue;
    return { node: { type: style.type, children: parseInline(text.slice(at + 1, end), options) }, end: end + 1 };
  }
  return undefined;
}

function isWord(character) {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}

/** What is left: emoji names, bare addresses and text. */
function parsePlain(text, options) {
  const nodes = [];
  const pattern = options.verbatim ? /:([a-z0-9_+-]+):/g : /:([a-z0-9_+-]+):|https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]'"]/g;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) nodes.push({ type: 'text', text: decode(text.slice(from, match.index)) });
    const url = decode(match[0]);
    nodes.push(match[1] === undefined ? { type: 'link', url, text: url } : { type: 'text', text: emoji(match[1]) });
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push({ type: 'text', text: decode(text.slice(from)) });
  return nodes;
}

/** Code: no styles, but links show their label and entities their character. */
function plainOf(text) {
  return text
    .split(/(<[^<>\n]+>)/)
    .map((part) => (/^<[^<>\n]+>$/.test(part) ? (token(part.slice(1, -1)).text ?? part) : decode(part)))
    .join('');
}
