/** A text file in a message: a closed box with its name and size, and its lines with their numbers once it is opened. */
import { h } from './dom.client.js';

/** `file`: `{name, title, content, size, snippetType?}`. */
export function snippet(file) {
  const body = h('div', { class: 'snippet-body' });
  const box = h(
    'details',
    { class: 'snippet', 'data-file': file.id },
    h(
      'summary',
      {},
      h('span', { class: 'file-icon', 'aria-hidden': 'true' }, '≡'),
      h(
        'span',
        { class: 'file-name' },
        h('b', {}, file.title),
        h('small', {}, `${file.title === file.name ? '' : `${file.name} · `}${kindOf(file)} · ${sizeOf(file.size)}`),
      ),
    ),
    body,
  );
  // A file can be a megabyte: its lines are drawn when somebody wants to see them.
  box.addEventListener('toggle', () => {
    if (box.open && !body.hasChildNodes()) body.append(...lines(file.content));
  });
  return box;
}

function lines(content) {
  const count = content.replace(/\n$/, '').split('\n').length;
  const numbers = Array.from({ length: count }, (_none, index) => index + 1).join('\n');
  return [
    h('pre', { class: 'numbers', 'aria-hidden': 'true' }, numbers),
    h('pre', { class: 'lines', tabindex: 0 }, content),
  ];
}

const KINDS = {
  diff: 'Diff',
  json: 'JSON',
  shell: 'Shell',
  markdown: 'Markdown',
  javascript: 'JavaScript',
  python: 'Python',
};

function kindOf({ snippetType }) {
  return KINDS[snippetType] ?? 'Plain text';
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
