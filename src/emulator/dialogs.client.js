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

/** Shows the top modal of a person's stack, or none. What was entered stays through errors and updates. */
export function showModal(view, tools) {
  if (open && open.hash !== view?.view.hash) close(open);
  if (!view) {
    open = undefined;
    return;
  }
  if (open?.hash !== view.view.hash) {
    const kept = open?.id === view.id ? valuesOf(open.fields) : undefined;
    open = build(view, { ...tools, kept });
  }
  for (const place of open.dialog.querySelectorAll('[data-block] > .error')) {
    const message = view.errors[place.parentElement.dataset.block] ?? '';
    if (place.textContent !== message) place.textContent = message;
    for (const control of place.parentElement.querySelectorAll('input, select, textarea')) {
      control.setAttribute('aria-invalid', String(message !== ''));
    }
  }
  open.trouble.textContent = view.troubled ? 'We had some trouble connecting. Try again?' : '';
}

function close({ dialog }) {
  dialog.close();
  dialog.remove();
}

function build({ id, view }, tools) {
  const fields = new Map();
  const trouble = h('p', { class: 'error', role: 'alert' });
  const leave = (all) => act('close', { viewId: id, all });
  const press = async (blockId, element, entered) => {
    if (!(await sure(element.confirm, tools.names))) return false;
    const answer = await act('press-view', {
      viewId: id,
      blockId,
      actionId: element.action_id,
      entered,
      state: valuesOf(fields),
    });
    if (answer.error) trouble.textContent = answer.error;
  };
  const submit = async (event) => {
    event.preventDefault();
    const answer = await act('submit', { viewId: id, values: valuesOf(fields) });
    if (answer.delivery === 'not-sent') dialog.querySelector('[aria-invalid="true"]')?.focus();
    if (answer.error) trouble.textContent = answer.error;
  };
  const dialog = h(
    'dialog',
    { class: 'modal', 'aria-labelledby': 'modal-title' },
    h(
      'form',
      { novalidate: true, onsubmit: submit },
      h(
        'header',
        {},
        h('h2', { id: 'modal-title' }, textObject(view.title, tools.names)),
        h('button', { type: 'button', class: 'plain cross', 'aria-label': 'Close', onclick: () => leave(true) }, '✕'),
      ),
      h('div', { class: 'modal-body' }, renderBlocks(view.blocks, { ...tools, fields, press }), trouble),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button', onclick: () => leave(false) }, closeLabel(view)),
        view.submit
          ? h('button', { type: 'submit', class: 'button primary' }, textObject(view.submit, tools.names))
          : undefined,
      ),
    ),
  );
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    leave(false);
  });
  document.body.append(dialog);
  dialog.showModal();
  return { id, hash: view.hash, dialog, trouble, fields };
}

function closeLabel(view) {
  return view.close?.text ?? (view.previous_view_id ? 'Back' : 'Cancel');
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
