/** What a tool call consists of, as labelled texts in the order in which a person should read them. Nothing is left out. */
import type { HookInput } from '../types.ts';
import { editFields, multiEditFields, notebookFields, type Shown, writeFields } from './slack-edits.ts';
import {
  type Field,
  isSmall,
  jsonField,
  otherField,
  own,
  type ToolInput,
  tableField,
  textField,
} from './slack-field.ts';
import { questionFields } from './slack-questions.ts';
import type { FileOnDisk } from './slack-surroundings.ts';
import { decodeVisible, encodeInline } from './visible.ts';
import { goesTo, LABELS } from './wording.ts';

interface Known {
  readonly key: string;
  readonly label: string;
  readonly style: Field['style'];
  /** Shown after every other field: words about the call, which are not the call. */
  readonly last?: true;
}

interface Tool {
  /** The fields that we know by name; every other one is shown under its own key. */
  readonly known: readonly Known[];
  readonly special?: (toolInput: ToolInput, file: FileOnDisk | undefined) => Shown;
}

const FILE: Known = { key: 'file_path', label: LABELS.file, style: 'line' };
const OWN_WORDS: Known = { key: 'description', label: LABELS.ownWords, style: 'line', last: true };
const PROMPT: Known = { key: 'prompt', label: LABELS.prompt, style: 'box' };
const SUBAGENT: Known = { key: 'subagent_type', label: LABELS.agent, style: 'line' };

const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['Bash', { known: [{ key: 'command', label: LABELS.command, style: 'box' }, OWN_WORDS] }],
  ['Read', { known: [FILE] }],
  ['Write', { known: [FILE], special: writeFields }],
  ['Edit', { known: [FILE], special: editFields }],
  ['MultiEdit', { known: [FILE], special: multiEditFields }],
  [
    'NotebookEdit',
    { known: [{ key: 'notebook_path', label: LABELS.notebook, style: 'line' }], special: notebookFields },
  ],
  ['ExitPlanMode', { known: [{ key: 'plan', label: LABELS.plan, style: 'box' }] }],
  ['AskUserQuestion', { known: [], special: questionFields }],
  ['WebFetch', { known: [{ key: 'url', label: LABELS.url, style: 'line' }, PROMPT] }],
  ['WebSearch', { known: [{ key: 'query', label: LABELS.query, style: 'line' }] }],
  ['Agent', { known: [SUBAGENT, PROMPT, OWN_WORDS] }],
  ['Task', { known: [SUBAGENT, PROMPT, OWN_WORDS] }],
]);

/** More fields than this share one box: a message holds only so many. */
const MAX_OWN_FIELDS = 20;

/** The fields of `tool_input`, the essential one first. `file` is the one that the tool changes, as it is now. */
export function fieldsOf(input: HookInput, file?: FileOnDisk): readonly Field[] {
  const toolInput = input.tool_input ?? {};
  const mcp = mcpName(input);
  if (mcp !== undefined) return [...mcpFields(mcp), ...argumentFields(toolInput)];
  const tool = TOOLS.get(input.tool_name ?? '');
  if (tool === undefined) return Object.keys(toolInput).length === 0 ? [] : [jsonField(LABELS.input, toolInput)];
  const known = tool.known.filter(({ key }) => typeof own(toolInput, key) === 'string');
  const special = tool.special?.(toolInput, file) ?? { fields: [], keys: [] };
  const named = (wanted: readonly Known[]): Field[] =>
    wanted.map(({ key, label, style }) => textField(label, String(own(toolInput, key)), style));
  const seen = new Set([...known.map(({ key }) => key), ...special.keys]);
  const rest = Object.entries(toolInput).filter(([name]) => !seen.has(name));
  return [
    ...named(known.filter(({ last }) => last !== true))
      .map(withDestination)
      .map(withMarkdown),
    ...special.fields,
    ...(rest.length > MAX_OWN_FIELDS
      ? [jsonField(LABELS.otherFields, Object.fromEntries(rest))]
      : rest.map(([key, value]) => otherField(key, value))),
    ...named(known.filter(({ last }) => last === true)).map((field) => ({ ...field, isComment: true as const })),
  ];
}

export interface McpName {
  readonly server: string;
  readonly tool: string;
  /** Who configured the server, where the agent tells. */
  readonly source?: string;
}

/** The two parts of `mcp__server__tool`; undefined for other tools. Together they are the whole name. */
export function mcpName(input: HookInput): McpName | undefined {
  const name = input.tool_name ?? '';
  const told = (input.mcp_server ?? {}) as { readonly name?: unknown; readonly source?: unknown };
  const source = typeof told.source === 'string' ? { source: told.source } : {};
  const prefix = `mcp__${String(told.name)}__`;
  if (typeof told.name === 'string' && told.name !== '' && name.startsWith(prefix) && name.length > prefix.length)
    return { server: told.name, tool: name.slice(prefix.length), ...source };
  const [, server, tool] = /^mcp__(.+?)__(.+)$/s.exec(name) ?? [];
  return server === undefined || tool === undefined ? undefined : { server, tool, ...source };
}

function mcpFields({ server, tool, source }: McpName): Field[] {
  return [
    { ...textField(LABELS.mcpServer, server, 'line'), isNamed: true },
    ...(source === undefined ? [] : [{ ...textField(LABELS.mcpSource, source, 'line'), isNamed: true as const }]),
    { ...textField(LABELS.mcpTool, tool, 'line'), isNamed: true },
  ];
}

/** The small arguments as a table, then each large one in a box of its own. */
function argumentFields(toolInput: ToolInput): Field[] {
  const entries = Object.entries(toolInput);
  const large = entries.filter(([, value]) => !isSmall(value));
  if (large.length > MAX_OWN_FIELDS) return [jsonField(LABELS.otherFields, toolInput)];
  const table = tableField(
    LABELS.arguments,
    entries.filter(([, value]) => isSmall(value)),
  );
  return [...(table === undefined ? [] : [table]), ...large.map(([key, value]) => otherField(key, value))];
}

/** A plan is written in Markdown. */
function withMarkdown(field: Field): Field {
  return field.label === LABELS.plan ? { ...field, markdown: decodeVisible(field.shown) } : field;
}

/** Which machine a URL reaches: `https://known.example@other.example` does not reach the first one. */
function withDestination(field: Field): Field {
  if (field.label !== LABELS.url) return field;
  const url = URL.parse(decodeVisible(field.shown));
  return url === null || url.host === '' ? field : { ...field, remark: goesTo(encodeInline(url.host)) };
}
