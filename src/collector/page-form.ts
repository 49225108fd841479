/** The form of what somebody looks for. It is sent as the page's address, so that it can be kept and passed on. */
import type { EventKind } from '../events.ts';
import type { AgentName } from '../types.ts';
import type { EventQuery, Field } from './event-query.ts';
import { type Html, h } from './html.ts';
import { clipLine } from './shown-text.ts';

const KINDS: readonly (readonly [EventKind | `${string}.`, string])[] = [
  ['prompt.submitted', 'Prompts'],
  ['tool.', 'Tool calls, all'],
  ['tool.requested', 'Tool calls asked for'],
  ['tool.completed', 'Tool calls done'],
  ['tool.failed', 'Tool calls failed'],
  ['approval.', 'Approvals, all'],
  ['approval.requested', 'Approvals asked for'],
  ['approval.decided', 'Approvals decided'],
  ['approval.ended', 'Approvals ended otherwise'],
  ['agent.', 'What the agent said'],
  ['session.', 'Sessions'],
  ['notification.reported', 'Notifications'],
  ['other', 'Everything else'],
];
const AGENTS: readonly (readonly [AgentName, string])[] = [
  ['claude', 'Claude Code'],
  ['codex', 'Codex'],
  ['cursor', 'Cursor'],
  ['gemini', 'Gemini CLI'],
  ['opencode', 'OpenCode'],
];

const LABELS: Readonly<Record<Field, string>> = {
  ...{ q: 'Text', kind: 'Kind', agent: 'Agent', project: 'Project', tool: 'Tool', session: 'Session' },
  ...{ from: 'From', to: 'Until' },
};

/**
 * `action` is the page's own path. Open when anything is looked for.
 * @param kept what else the address says and keeps saying
 */
export function filterForm(
  action: string,
  fields: readonly Field[],
  { values, problems }: EventQuery,
  kept: Readonly<Record<string, string>> = {},
): Html {
  const given = fields.filter((field) => values[field] !== undefined);
  const title = given.length === 0 ? 'Filter' : `Filter (${given.length})`;
  return h(
    'details',
    { class: 'filter', open: given.length > 0 },
    h('summary', {}, title),
    h(
      'form',
      { action, method: 'get' },
      ...problems.map((problem) => h('p', { class: 'problem', role: 'alert' }, clipLine(problem, 400))),
      ...Object.entries(kept).map(([name, value]) => h('input', { type: 'hidden', name, value })),
      h('div', { class: 'fields' }, ...fields.map((field) => labelled(field, values[field]))),
      h(
        'p',
        { class: 'actions' },
        h('button', { class: 'button', type: 'submit' }, 'Show'),
        given.length === 0 ? null : h('a', { href: action }, 'Show everything'),
      ),
    ),
  );
}

function labelled(field: Field, value: string | undefined): Html {
  return h('label', {}, h('span', {}, LABELS[field]), input(field, value));
}

function input(field: Field, value = ''): Html {
  if (field === 'kind') return choice(field, KINDS, value);
  if (field === 'agent') return choice(field, AGENTS, value);
  const type = field === 'from' || field === 'to' ? 'datetime-local' : 'text';
  const shown = type === 'text' ? value : value.replace(' ', 'T');
  // Without this a browser refuses a time with seconds.
  const step = type === 'text' || shown.length <= 'YYYY-MM-DDTHH:MM'.length ? undefined : '1';
  return h('input', { name: field, type, value: shown, step, autocomplete: 'off' });
}

/** A value that is not among the choices is one more of them, so that sending the form again keeps it. */
function choice(field: Field, choices: readonly (readonly [string, string])[], value: string): Html {
  const isOther = value !== '' && !choices.some(([name]) => name === value);
  const all = [['', 'All'], ...choices, ...(isOther ? [[value, clipLine(value, 80)]] : [])] as const;
  return h(
    'select',
    { name: field },
    ...all.map(([name = '', word = '']) => h('option', { value: name, selected: name === value }, word)),
  );
}
