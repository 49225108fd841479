/** What lies over the page: the "are you sure" of a button, and the modals of the person who acts. */
import { renderBlocks, textObject } from './blocks.client.js';
import { act, h } from './dom.client.js';

/** Asks as a button's `confirm` says; resolves with the person's answer. Without one the answer is yes. */
export function sure(confirm, names) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const title = confirm.title ?? { type: 'plain_text', text: 'Are you sure?' };
    const dialog = h(
      'dialog',
      { class: 'confirm', 'aria-labelledby': 'confirm-title' },
      h('h2', { id: 'confirm-title' }, textObject(title, names)),
      h('p', {}, textObject(confirm.text, names)),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button', onclick: () => finish(false) }, confirm.deny?.text ?? 'Cancel'),
        h(
          'button',
          { type: 'button', class: `button ${confirm.style ?? 'primary'}`, onclick: () => finish(true) },
          confirm.confirm?.text ?? 'Yes',
        ),
      ),
    );
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      finish(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

let open;

/** Shows the top modal of a person's stack, or none. A modal that only got errors keeps what was typed. */
export function showModal(view, tools) {
  if (open && open.hash !== view?.view.hash) {
    open.dialog.close();
    open.dialog.remove();
    open = undefined;
  }
  if (!view) return;
  open ??= build(view, tools);
  for (const place of open.dialog.querySelectorAll('[data-block] > .error')) {
    place.textContent = view.errors[place.parentElement.dataset.block] ?? '';
  }
  open.trouble.textContent = view.troubled ? 'We had some trouble connecting. Try again?' : '';
}

function build({ id, view }, tools) {
  const fields = new Map();
  const trouble = h('p', { class: 'error', role: 'alert' });
  const close = () => act('close', { viewId: id });
  const dialog = h(
    'dialog',
    { class: 'modal', 'aria-labelledby': 'modal-title' },
    h(
      'form',
      {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (complete(dialog, fields)) act('submit', { viewId: id, values: valuesOf(fields) });
        },
      },
      h(
        'header',
        {},
        h('h2', { id: 'modal-title' }, textObject(view.title, tools.names)),
        h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: close }, '✕'),
      ),
      h(
        'div',
        { class: 'modal-body' },
        renderBlocks(view.blocks, {
          ...tools,
          fields,
          press: async (blockId, element, entered) => {
            if (!(await sure(element.confirm, tools.names))) return;
            await act('press-view', {
              viewId: id,
              blockId,
              actionId: element.action_id,
              entered,
              state: valuesOf(fields),
            });
          },
        }),
        trouble,
      ),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button', onclick: close }, view.close?.text ?? 'Cancel'),
        view.submit
          ? h('button', { type: 'submit', class: 'button primary' }, textObject(view.submit, tools.names))
          : undefined,
      ),
    ),
  );
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { hash: view.hash, dialog, trouble };
}

/** Slack's client does not send a modal with empty required fields or too short texts. */
function complete(dialog, fields) {
  let good = true;
  for (const { block, element, read } of fields.values()) {
    if (block.type !== 'input') continue;
    const { type: _type, ...entered } = read();
    const [value] = Object.values(entered);
    const empty = value === null || value === '' || (Array.isArray(value) && value.length === 0);
    const short = typeof value === 'string' && value.length < (element.min_length ?? 0);
    const message =
      empty && !block.optional
        ? 'Please complete this required field.'
        : short
          ? `Enter at least ${element.min_length} characters.`
          : '';
    const place = [...dialog.querySelectorAll('[data-block]')].find((node) => node.dataset.block === block.block_id);
    place.querySelector('.error').textContent = message;
    if (message !== '') good = false;
  }
  return good;
}

/** `{block: {action: value}}`, as Slack writes it in `state.values`. */
export function valuesOf(fields) {
  const values = {};
  for (const { block, element, read } of fields.values()) {
    values[block.block_id] ??= {};
    values[block.block_id][element.action_id] = read();
  }
  return values;
}
