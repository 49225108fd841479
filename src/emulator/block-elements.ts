/** Block elements and composition objects: what may stand in a block. Limits from the TSDoc of @slack/types and Slack's reference. */
import {
  all,
  anyOf,
  anything,
  byType,
  type Check,
  type Fields,
  flag,
  integer,
  list,
  oneOf,
  shape,
  text,
  typed,
} from './schema.ts';

export function plainText(max: number): Check {
  return byType({ plain_text: typed({ text: text(max) }, { emoji: flag }) });
}

export function anyText(max: number): Check {
  return byType({
    plain_text: typed({ text: text(max) }, { emoji: flag }),
    mrkdwn: typed({ text: text(max) }, { verbatim: flag }),
  });
}

const confirm = shape(
  { text: anyText(300) },
  { title: plainText(100), confirm: plainText(30), deny: plainText(30), style: oneOf('primary', 'danger') },
);

function option(label: Check, more: Fields = {}): Check {
  return shape({ text: label, value: text(150) }, { description: anyText(75), ...more });
}

const menuOption = option(plainText(75));
const boxOption = option(anyText(75));
const overflowOption = option(plainText(75), { url: text(3000) });
const optionGroup = shape({ label: plainText(75), options: list(menuOption, 100) });

const action: Fields = { action_id: text(255) };
const dispatchConfig = shape({
  trigger_actions_on: list(oneOf('on_enter_pressed', 'on_character_entered'), 2),
});
const entry: Fields = {
  ...action,
  placeholder: plainText(150),
  focus_on_load: flag,
  dispatch_action_config: dispatchConfig,
};
const picker: Fields = { ...action, placeholder: plainText(150), confirm, focus_on_load: flag };
const boxes: Fields = { ...action, confirm, focus_on_load: flag };

export const image = all(
  typed(
    { alt_text: text(2000, 0) },
    { image_url: text(3000), slack_file: shape({}, { id: text(255), url: text(3000) }) },
  ),
  anyOf('image_url', 'slack_file'),
);

const button = typed(
  { text: plainText(75) },
  {
    ...action,
    value: text(2000),
    url: text(3000),
    style: oneOf('primary', 'danger'),
    confirm,
    accessibility_label: text(75),
  },
);

const menus: Fields = {
  static_select: all(
    typed(
      {},
      { ...picker, options: list(menuOption, 100), option_groups: list(optionGroup, 100), initial_option: menuOption },
    ),
    anyOf('options', 'option_groups'),
  ),
  multi_static_select: all(
    typed(
      {},
      {
        ...picker,
        options: list(menuOption, 100),
        option_groups: list(optionGroup, 100),
        initial_options: list(menuOption, 100),
        max_selected_items: integer(1, 100),
      },
    ),
    anyOf('options', 'option_groups'),
  ),
  users_select: typed({}, { ...picker, initial_user: text(255) }),
};

const pickers: Fields = {
  checkboxes: typed({ options: list(boxOption, 10) }, { ...boxes, initial_options: list(boxOption, 10) }),
  radio_buttons: typed({ options: list(boxOption, 10) }, { ...boxes, initial_option: boxOption }),
  datepicker: typed({}, { ...picker, initial_date: text(10) }),
  timepicker: typed({}, { ...picker, initial_time: text(5), timezone: text(255) }),
};

const overflow = typed({ options: list(overflowOption, 5) }, { ...action, confirm });

const entries: Fields = {
  plain_text_input: typed(
    {},
    {
      ...entry,
      initial_value: text(3000, 0),
      multiline: flag,
      min_length: integer(0, 3000),
      max_length: integer(1, 3000),
    },
  ),
  number_input: typed(
    { is_decimal_allowed: flag },
    { ...entry, initial_value: text(255), min_value: text(255), max_value: text(255) },
  ),
  email_text_input: typed({}, { ...entry, initial_value: text(3000) }),
  url_text_input: typed({}, { ...entry, initial_value: text(3000) }),
};

/** What an actions block may hold. */
export const actionElement = byType({ button, overflow, ...menus, ...pickers });
/** What may stand at the right of a section. */
export const accessory = byType({ button, overflow, image, ...menus, ...pickers });
/** What an input block may hold. */
export const inputElement = byType({ ...entries, ...menus, ...pickers });
/** What a context block may hold. */
export const contextElement = byType({
  image,
  plain_text: typed({ text: text(3000) }, { emoji: flag }),
  mrkdwn: typed({ text: text(3000) }, { verbatim: flag }),
});

const feedback = shape({ text: plainText(75), value: text(2000) }, { accessibility_label: text(75) });
/** What a context_actions block may hold. */
export const contextAction = byType({
  feedback_buttons: typed({ positive_button: feedback, negative_button: feedback }, action),
  icon_button: typed(
    { icon: text(255), text: plainText(75) },
    {
      ...action,
      value: text(2000),
      confirm,
      accessibility_label: text(75),
      visible_to_user_ids: list(text(255), Number.POSITIVE_INFINITY),
    },
  ),
});

const style = shape(
  {},
  {
    bold: flag,
    italic: flag,
    strike: flag,
    code: flag,
    underline: flag,
    highlight: flag,
    client_highlight: flag,
    unlink: flag,
  },
);
const inText = typed({ text: text(Number.POSITIVE_INFINITY) }, { style });
const inLink = typed({ url: text(3000) }, { text: text(Number.POSITIVE_INFINITY, 0), unsafe: flag, style });
const inline = byType({
  text: inText,
  link: inLink,
  user: typed({ user_id: text(255) }, { style }),
  usergroup: typed({ usergroup_id: text(255) }, { style }),
  channel: typed({ channel_id: text(255) }, { style }),
  team: typed({ team_id: text(255) }, { style }),
  emoji: typed({ name: text(255) }, { unicode: text(255), url: text(3000), skin_tone: anything, style }),
  date: typed({ timestamp: integer(0, 1e11), format: text(255) }, { url: text(3000), fallback: text(3000), style }),
  broadcast: typed({ range: oneOf('here', 'channel', 'everyone') }, { style }),
  color: typed({ value: text(255) }, { style }),
});
const border = oneOf(0, 1);
const section = typed({ elements: list(inline, Number.POSITIVE_INFINITY, 0) });

/** What a rich_text block may hold. */
export const richTextElement = byType({
  rich_text_section: section,
  rich_text_list: typed(
    {
      elements: list(byType({ rich_text_section: section }), Number.POSITIVE_INFINITY),
      style: oneOf('bullet', 'ordered'),
    },
    { indent: integer(0, 8), offset: integer(0, 1e9), border },
  ),
  rich_text_quote: typed({ elements: list(inline, Number.POSITIVE_INFINITY, 0) }, { border }),
  rich_text_preformatted: typed(
    { elements: list(byType({ text: inText, link: inLink }), Number.POSITIVE_INFINITY, 0) },
    { border, language: text(255) },
  ),
});
