/** What people operate: buttons, menus, boxes, inputs. Each gives its node, and `read` for its value as Slack writes it in `state`. */
import { h } from './dom.client.js';

/** `tools`: `text(object)` -> nodes, `people`, `label`, `press(entered)` for a press or change; it resolves with false when the person thought better of it. */
export function renderElement(element, tools) {
  const draw = Object.hasOwn(ELEMENTS, element.type) ? ELEMENTS[element.type] : unknown;
  return draw(element, tools);
}

const ICONS = { trash: '🗑️' };

const ELEMENTS = {
  button: (element, tools) => ({ node: button(element, tools, { class: `button ${element.style ?? ''}` }) }),
  icon_button: (element, tools) => {
    const label = element.accessibility_label ?? element.text.text;
    const attributes = { class: 'button icon', 'aria-label': label, title: label };
    return {
      node: button(
        { ...element, text: { type: 'plain_text', text: ICONS[element.icon] ?? element.icon } },
        tools,
        attributes,
      ),
    };
  },
  feedback_buttons: (element, tools) => ({
    node: h(
      'span',
      { class: 'feedback' },
      [
        ['👍', element.positive_button],
        ['👎', element.negative_button],
      ].map(([picture, { text, value, accessibility_label: label }]) =>
        h(
          'button',
          {
            type: 'button',
            class: 'button icon',
            'aria-label': label ?? text.text,
            title: text.text,
            'data-action': `${element.action_id}-${value}`,
            onclick: () => tools.press({ value }),
          },
          picture,
        ),
      ),
    ),
  }),
  overflow: (element, tools) => {
    const node = menu(element, tools, '⋯', element.options, (option) => tools.press({ selected_option: option }));
    node.addEventListener('change', () => {
      node.value = '';
    });
    node.classList.add('overflow');
    node.setAttribute('aria-label', 'More actions');
    return { node };
  },
  static_select: (element, tools) =>
    chooser(element, tools, optionsOf(element), element.initial_option?.value, (option) => ({
      selected_option: option,
    })),
  multi_static_select: (element, tools) => {
    const options = optionsOf(element);
    return boxes(element, tools, 'checkbox', options, element.initial_options ?? []);
  },
  users_select: (element, tools) => {
    const options = tools.people.map(({ id, realName }) => ({ text: { text: realName }, value: id }));
    return chooser(element, tools, options, element.initial_user, (option) => ({
      selected_user: option?.value ?? null,
    }));
  },
  checkboxes: (element, tools) => boxes(element, tools, 'checkbox', element.options, element.initial_options ?? []),
  radio_buttons: (element, tools) =>
    boxes(element, tools, 'radio', element.options, element.initial_option ? [element.initial_option] : []),
  datepicker: (element, tools) => picker(element, tools, 'date', 'selected_date', element.initial_date),
  timepicker: (element, tools) => picker(element, tools, 'time', 'selected_time', element.initial_time),
  plain_text_input: (element, tools) => {
    const attributes = {
      maxlength: element.max_length ?? 3000,
      placeholder: placeholder(element, ''),
      'aria-label': tools.label,
      autofocus: element.focus_on_load,
      'data-action': element.action_id,
    };
    const node = element.multiline
      ? h('textarea', { ...attributes, rows: 4 })
      : h('input', { ...attributes, type: 'text' });
    return valued(element, node, tools);
  },
  number_input: (element, tools) => typed(element, tools, 'number'),
  email_text_input: (element, tools) => typed(element, tools, 'email'),
  url_text_input: (element, tools) => typed(element, tools, 'url'),
};

function button(element, tools, attributes) {
  const node = h(
    'button',
    {
      type: 'button',
      'aria-label': element.accessibility_label,
      'data-action': element.action_id,
      ...attributes,
      onclick: async () => {
        if (/^https?:/i.test(element.url ?? '')) window.open(element.url, '_blank', 'noopener');
        node.setAttribute('aria-busy', 'true');
        await tools.press({});
        node.removeAttribute('aria-busy');
      },
    },
    tools.text(element.text),
  );
  return node;
}

function unknown(element) {
  return { node: h('span', { class: 'hint' }, `(a ${element.type}, which this page does not draw)`) };
}

function typed(element, tools, type) {
  const step = element.is_decimal_allowed ? 'any' : undefined;
  return valued(
    element,
    h('input', {
      type,
      step,
      placeholder: placeholder(element, ''),
      'aria-label': tools.label,
      'data-action': element.action_id,
    }),
    tools,
  );
}

function valued(element, node, tools) {
  node.value = element.initial_value ?? '';
  node.addEventListener('change', () => tools.press({ value: node.value }));
  return { node, read: () => ({ type: element.type, value: node.value === '' ? null : node.value }) };
}

function picker(element, tools, type, key, initial) {
  const label = tools.label ?? placeholder(element, type);
  const node = h('input', { type, 'aria-label': label, 'data-action': element.action_id });
  node.value = initial ?? '';
  node.addEventListener('change', () => tools.press({ [key]: node.value || null }));
  return { node, read: () => ({ type: element.type, [key]: node.value || null }) };
}

function menu(element, tools, empty, options, choose) {
  const node = h(
    'select',
    { 'aria-label': tools.label ?? placeholder(element, 'Choose an option'), 'data-action': element.action_id },
    h('option', { value: '' }, empty),
    options.map((option, index) => h('option', { value: index }, option.text.text)),
  );
  node.addEventListener('change', () => {
    const option = options[Number(node.value)];
    if (node.value !== '') choose(option);
  });
  return node;
}

/** A menu that keeps what was chosen. `write` makes the value that Slack sends. */
function chooser(element, tools, options, initial, write) {
  const place = (value) => String(options.findIndex((option) => option.value === value));
  const current = () => write(options[Number(node.value)] ?? null);
  const node = menu(element, tools, placeholder(element, 'Choose an option'), options, async () => {
    const kept = before;
    before = node.value;
    if ((await tools.press(current())) !== false) return;
    before = kept;
    node.value = kept;
  });
  node.value = place(initial) === '-1' ? '' : place(initial);
  let before = node.value;
  const read = () => ({ type: element.type, ...(node.value === '' ? write(null) : current()) });
  return { node, read };
}

function optionsOf(element) {
  return element.options ?? element.option_groups.flatMap((group) => group.options);
}

let groups = 0;
function boxes(element, tools, type, options, initial) {
  groups += 1;
  const group = `group-${groups}`;
  const inputs = options.map((option) => {
    const input = h('input', { type, name: group, 'data-action': `${element.action_id}-${option.value}` });
    input.checked = initial.some((one) => one.value === option.value);
    return input;
  });
  const chosen = () => options.filter((_option, index) => inputs[index].checked);
  const entered = () => (type === 'radio' ? { selected_option: chosen()[0] ?? null } : { selected_options: chosen() });
  const node = h(
    'fieldset',
    { 'aria-label': tools.label ?? 'Options' },
    options.map((option, index) =>
      h(
        'label',
        { class: 'box' },
        inputs[index],
        h(
          'span',
          {},
          tools.text(option.text),
          option.description ? h('small', {}, tools.text(option.description)) : undefined,
        ),
      ),
    ),
  );
  let before = inputs.map((input) => input.checked);
  node.addEventListener('change', async () => {
    const kept = before;
    before = inputs.map((input) => input.checked);
    if ((await tools.press(entered())) !== false) return;
    before = kept;
    for (const [index, input] of inputs.entries()) input.checked = kept[index];
  });
  return { node, read: () => ({ type: element.type, ...entered() }) };
}

function placeholder(element, otherwise) {
  return element.placeholder?.text ?? otherwise;
}
