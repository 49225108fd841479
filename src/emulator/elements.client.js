/** What people operate: buttons, menus, boxes, inputs. Each gives its node, and `read` for its value as Slack writes it in `state`. */
import { h } from './dom.client.js';

/** `tools`: `text(object)` -> nodes, `people`, `label`, `press(entered)` for a press or change. */
export function renderElement(element, tools) {
  const draw = Object.hasOwn(ELEMENTS, element.type) ? ELEMENTS[element.type] : unknown;
  return draw(element, tools);
}

const ELEMENTS = {
  button: (element, tools) => ({
    node: h(
      'button',
      {
        type: 'button',
        class: `button ${element.style ?? ''}`,
        'aria-label': element.accessibility_label,
        'data-action': element.action_id,
        onclick: () => {
          if (/^https?:/i.test(element.url ?? '')) window.open(element.url, '_blank', 'noopener');
          tools.press({});
        },
      },
      tools.text(element.text),
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
  static_select: (element, tools) => {
    let chosen = element.initial_option ?? null;
    const options = element.options ?? element.option_groups.flatMap((group) => group.options);
    const node = menu(element, tools, placeholder(element, 'Choose an option'), options, (option) => {
      chosen = option;
      tools.press({ selected_option: option });
    });
    select(node, options, chosen);
    return { node, read: () => ({ type: element.type, selected_option: chosen }) };
  },
  multi_static_select: (element, tools) => {
    const options = element.options ?? element.option_groups.flatMap((group) => group.options);
    return boxes(element, tools, 'checkbox', options, element.initial_options ?? []);
  },
  users_select: (element, tools) => {
    let chosen = element.initial_user ?? null;
    const options = tools.people.map((person) => ({
      text: { type: 'plain_text', text: person.realName },
      value: person.id,
    }));
    const node = menu(element, tools, placeholder(element, 'Choose a person'), options, (option) => {
      chosen = option?.value ?? null;
      tools.press({ selected_user: chosen });
    });
    select(
      node,
      options,
      options.find((option) => option.value === chosen),
    );
    return { node, read: () => ({ type: element.type, selected_user: chosen }) };
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

function unknown(element) {
  return { node: h('span', { class: 'hint' }, `(a ${element.type}, which this page does not draw)`) };
}

function typed(element, tools, type) {
  const step = element.is_decimal_allowed ? 'any' : undefined;
  return valued(
    element,
    h('input', { type, step, placeholder: placeholder(element, ''), 'aria-label': tools.label }),
    tools,
  );
}

function valued(element, node, tools) {
  node.value = element.initial_value ?? '';
  node.addEventListener('change', () => tools.press({ value: node.value }));
  return { node, read: () => ({ type: element.type, value: node.value === '' ? null : node.value }) };
}

function picker(element, tools, type, key, initial) {
  const node = h('input', { type, 'aria-label': tools.label ?? placeholder(element, type) });
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

function select(node, options, chosen) {
  const index = options.findIndex((option) => option.value === chosen?.value);
  node.value = chosen && index >= 0 ? String(index) : '';
}

let groups = 0;
function boxes(element, tools, type, options, initial) {
  groups += 1;
  const group = `group-${groups}`;
  const inputs = options.map((option) => {
    const input = h('input', { type, name: group });
    input.checked = initial.some((one) => one.value === option.value);
    return input;
  });
  const chosen = () => options.filter((_option, index) => inputs[index].checked);
  const entered = () => (type === 'radio' ? { selected_option: chosen()[0] ?? null } : { selected_options: chosen() });
  const node = h(
    'fieldset',
    { 'aria-label': tools.label, 'data-action': element.action_id },
    options.map((option, index) =>
      h(
        'label',
        { class: 'box' },
        inputs[index],
        h(
          'span',
          {},
          tools.text(option.text),
          option.description ? h('small', {}, ' ', tools.text(option.description)) : undefined,
        ),
      ),
    ),
  );
  node.addEventListener('change', () => tools.press(entered()));
  return { node, read: () => ({ type: element.type, ...entered() }) };
}

function placeholder(element, otherwise) {
  return element.placeholder?.text ?? otherwise;
}
