/** What people enter: which values an element can hold, and which a client of Slack's would not send. */
import { isRecord, recordOf, recordsOf, stringOf } from './json.ts';

/** `{block id: {action id: {type, value}}}`, as Slack writes `state.values`. */
export type StateValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Blocks = readonly Record<string, unknown>[];

/** An element that people operate, and the block that it stands in. */
export interface Place {
  readonly block: Record<string, unknown>;
  readonly blockId: string;
  readonly element: Record<string, unknown>;
  readonly actionId: string;
}

const OPTION = { key: 'selected_option', initial: 'initial_option', empty: null } as const;
const OPTIONS = { key: 'selected_options', initial: 'initial_options', empty: [] } as const;
const TYPED = { key: 'value', initial: 'initial_value', empty: null } as const;

/** Elements that hold a value: under which name, where it starts, and what no value is. */
const STATEFUL = new Map<unknown, { readonly key: string; readonly initial: string; readonly empty: unknown }>([
  ['plain_text_input', TYPED],
  ['number_input', TYPED],
  ['email_text_input', TYPED],
  ['url_text_input', TYPED],
  ['static_select', OPTION],
  ['radio_buttons', OPTION],
  ['checkboxes', OPTIONS],
  ['multi_static_select', OPTIONS],
  ['users_select', { key: 'selected_user', initial: 'initial_user', empty: null }],
  ['datepicker', { key: 'selected_date', initial: 'initial_date', empty: null }],
  ['timepicker', { key: 'selected_time', initial: 'initial_time', empty: null }],
]);

/** Elements that send what was chosen and forget it. */
const CHOSEN_ONCE = new Map<unknown, string>([
  ['overflow', 'selected_option'],
  ['feedback_buttons', 'value'],
]);

/** Everything in these blocks that people operate. */
export function placesOf(blocks: Blocks): Place[] {
  return blocks.flatMap((block) => {
    const isRow = block.type === 'actions' || block.type === 'context_actions';
    const elements = [...(isRow ? recordsOf(block.elements) : []), recordOf(block.accessory), recordOf(block.element)];
    return elements.flatMap((element) => {
      const actionId = stringOf(element.action_id);
      return actionId === undefined ? [] : [{ block, blockId: stringOf(block.block_id) ?? '', element, actionId }];
    });
  });
}

/** What an element sends for what a person chose: options in full, whatever was given of them. Throws when a person could not enter it. */
export function enteredIn(element: Record<string, unknown>, given: unknown): Record<string, unknown> {
  const { type, ...rest } = recordOf(given);
  if (type !== undefined && type !== element.type) {
    throw new Error(`Expected a value of ${element.type} ${element.action_id}, got one of ${String(type)}`);
  }
  const key = STATEFUL.get(element.type)?.key ?? CHOSEN_ONCE.get(element.type);
  const stranger = Object.keys(rest).find((name) => name !== key);
  if (stranger !== undefined) {
    throw new Error(`Expected ${element.type} ${element.action_id} to hold ${key ?? 'no value'}, got ${stranger}`);
  }
  if (key === undefined || rest[key] === undefined) return {};
  return { [key]: chosen(element, key, rest[key]) };
}

function chosen(element: Record<string, unknown>, key: string, value: unknown): unknown {
  if (key === 'selected_option') return value === null ? null : optionOf(element, value);
  if (key === 'selected_options' && Array.isArray(value)) return value.map((option) => optionOf(element, option));
  if (key !== 'selected_options' && (value === null || typeof value === 'string')) return value;
  throw new Error(`Expected a ${key} of ${element.type} ${element.action_id}, got ${JSON.stringify(value)}`);
}

function optionOf(element: Record<string, unknown>, wanted: unknown): Record<string, unknown> {
  const groups = recordsOf(element.option_groups).flatMap((group) => recordsOf(group.options));
  const options = [...recordsOf(element.options), ...groups];
  const option = options.find((one) => one.value === recordOf(wanted).value);
  if (option !== undefined) return option;
  const there = options.map((one) => String(one.value)).join(', ');
  throw new Error(`Expected an option of ${element.action_id}, there is [${there}], got ${JSON.stringify(wanted)}`);
}

/** The given state with options in full. Throws for blocks and elements that are not there, and for values that they cannot hold. */
export function checkedState(blocks: Blocks, given: StateValues): StateValues {
  const places = placesOf(blocks);
  const entries = Object.entries(given).map(([blockId, actions]) => {
    if (!places.some((place) => place.blockId === blockId)) {
      throw new Error(`Expected values for blocks that are there, got some for ${blockId}`);
    }
    const values = Object.entries(actions).map(([actionId, value]) => {
      const place = places.find((one) => one.blockId === blockId && one.actionId === actionId);
      if (place === undefined || !STATEFUL.has(place.element.type)) {
        throw new Error(`Expected a value for an element of block ${blockId}, got one for ${actionId}`);
      }
      return [actionId, enteredIn(place.element, value)];
    });
    return [blockId, Object.fromEntries(values)];
  });
  return Object.fromEntries(entries);
}

/** Both states; where they meet, the newer one. */
export function mergedState(older: StateValues, newer: StateValues): StateValues {
  const merged: Record<string, Readonly<Record<string, unknown>>> = { ...older };
  for (const [blockId, actions] of Object.entries(newer)) merged[blockId] = { ...merged[blockId], ...actions };
  return merged;
}

/**
 * The whole state of these blocks: what was entered, else the initial value, else none. What was entered under the same
 * ids before an update stays (Slack documentation on modal views), as long as the element can still hold it.
 */
export function stateOf(blocks: Blocks, known: StateValues): Record<string, Record<string, unknown>> {
  const values: Record<string, Record<string, unknown>> = {};
  for (const { blockId, actionId, element } of placesOf(blocks)) {
    const kind = STATEFUL.get(element.type);
    if (kind === undefined) continue;
    const value = { type: element.type, [kind.key]: element[kind.initial] ?? kind.empty };
    values[blockId] = {
      ...values[blockId],
      [actionId]: { ...value, ...stillEntered(element, known, blockId, actionId) },
    };
  }
  return values;
}

function stillEntered(element: Record<string, unknown>, known: StateValues, blockId: string, actionId: string): object {
  try {
    return enteredIn(element, known[blockId]?.[actionId]);
  } catch {
    return {};
  }
}

/** Block id -> what a client of Slack's says instead of sending the form; empty when it would be sent. */
export function complaints(blocks: Blocks, values: StateValues): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { block, blockId, actionId, element } of placesOf(blocks)) {
    if (block.type !== 'input') continue;
    const key = STATEFUL.get(element.type)?.key ?? '';
    const held = values[blockId]?.[actionId];
    const complaint = complaintAbout(element, isRecord(held) ? held[key] : undefined, block.optional === true);
    if (complaint !== undefined) found[blockId] = complaint;
  }
  return found;
}

function complaintAbout(element: Record<string, unknown>, value: unknown, isOptional: boolean): string | undefined {
  const isEmpty = value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return isOptional ? undefined : 'Please complete this required field.';
  const most = element.max_selected_items;
  if (Array.isArray(value)) {
    return typeof most === 'number' && value.length > most ? `Choose at most ${most}.` : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (element.type === 'plain_text_input') return complaintAboutLength(element, value);
  if (element.type === 'number_input') return complaintAboutNumber(element, value);
  if (element.type === 'email_text_input' && !/^[^\s@]+@[^\s@]+$/.test(value)) return 'Please enter an email address.';
  if (element.type === 'url_text_input' && !URL.canParse(value)) return 'Please enter a valid URL.';
  return undefined;
}

/** 3000 characters is the limit of an input without one of its own (@slack/types). */
function complaintAboutLength({ min_length, max_length }: Record<string, unknown>, value: string): string | undefined {
  const least = typeof min_length === 'number' ? min_length : 0;
  const most = typeof max_length === 'number' ? max_length : 3000;
  if (value.length < least) return `Please enter at least ${least} characters.`;
  return value.length > most ? `Please enter at most ${most} characters.` : undefined;
}

function complaintAboutNumber(element: Record<string, unknown>, value: string): string | undefined {
  const number = Number(value);
  if (!Number.isFinite(number) || (element.is_decimal_allowed !== true && !Number.isInteger(number))) {
    return 'Please enter a valid number.';
  }
  const { min_value, max_value } = element;
  if (min_value !== undefined && number < Number(min_value)) return `Please enter ${String(min_value)} or more.`;
  return max_value !== undefined && number > Number(max_value)
    ? `Please enter ${String(max_value)} or less.`
    : undefined;
}
