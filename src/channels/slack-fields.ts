/** What a tool call consists of, as labelled texts in the order in which a person should read them. Nothing is left out. */
import type { HookInput } from '../types.ts';
import { countHidden, encodeInline, encodeVisible } from './visible.ts';
import { LABELS, WORDS } from './wording.ts';

/** One labelled text of a card. */
export interface Field {
  /** What it is; encoded, one line. */
  readonly label: string;
  /** Ours, next to a label that may be the agent's. */
  readonly note?: string;
  /** The encoded text; '' when the value is an empty string. */
  readonly shown: string;
  /** A box of its own, or the rest of the label's line. */
  readonly style: 'box' | 'line';
  /** Length of the value as it was, in UTF-16 units. */
  readonly length: number;
  readonly hidden: number;
  /** False when the value could not be turned into text. */
  readonly whole: boolean;
  /** What the agent says about the call, which is not the call. */
  readonly isComment?: true;
}

interface Known {
  readonly key: string;
  readonly label: string;
  readonly style: Field['style'];
  /** Shown after every other field: words about the call, which are not the call. */
  readonly last?: true;
}

const FILE: Known = { key: 'file_path', label: LABELS.file, style: 'line' };
const OWN_WORDS: Known = { key: 'description', label: LABELS.ownWords, style: 'line', last: true };
const PROMPT: Known = { key: 'prompt', label: LABELS.prompt, style: 'box' };

/** The tools whose fields we know by name; every other field and tool is shown under its own key. */
const KNOWN: ReadonlyMap<string, readonly Known[]> = new Map([
  ['Bash', [{ key: 'command', label: LABELS.command, style: 'box' }, OWN_WORDS]],
  ['Read', [FILE]],
  ['Write', [FILE, { key: 'content', label: LABELS.content, style: 'box' }]],
  [
    'Edit',
    [
      FILE,
      { key: 'old_string', label: LABELS.remove, style: 'box' },
      { key: 'new_string', label: LABELS.add, style: 'box' },
    ],
  ],
  ['MultiEdit', [FILE]],
  ['ExitPlanMode', [{ key: 'plan', label: LABELS.plan, style: 'box' }]],
  ['WebFetch', [{ key: 'url', label: LABELS.url, style: 'line' }, PROMPT]],
  ['WebSearch', [{ key: 'query', label: LABELS.query, style: 'line' }]],
  ['Agent', [PROMPT, OWN_WORDS]],
  ['Task', [PROMPT, OWN_WORDS]],
]);

/** More fields than this share one box: a message holds only so many. */
const MAX_OWN_FIELDS = 20;
/** For an empty key; no encoded text looks like this. */
const NO_NAME = '⟦⟧';
/** Longer values get a box. */
const MAX_LINE = 80;
/** Indentation grows with the square of the depth; deeper values are written without it. */
const MAX_INDENTED_DEPTH = 40;

/** The fields of `tool_input`, the essential one first. */
export function fieldsOf(input: HookInput): readonly Field[] {
  const toolInput = input.tool_input ?? {};
  const known = (KNOWN.get(input.tool_name ?? '') ?? []).filter(({ key }) => typeof own(toolInput, key) === 'string');
  const named = (wanted: readonly Known[]): Field[] =>
    wanted.map(({ key, label, style }) => textField(label, String(own(toolInput, key)), style));
  const rest = Object.entries(toolInput).filter(([name]) => !known.some(({ key }) => key === name));
  return [
    ...named(known.filter(({ last }) => last !== true)),
    ...(rest.length > MAX_OWN_FIELDS
      ? [jsonField(LABELS.otherFields, Object.fromEntries(rest))]
      : rest.map(([key, value]) => otherField(key, value))),
    ...named(known.filter(({ last }) => last === true)).map((field) => ({ ...field, isComment: true as const })),
  ];
}

/** A text under a label of ours. */
export function textField(label: string, text: string, style: Field['style']): Field {
  const encode = style === 'line' || text.trim() === '' ? encodeInline : encodeVisible;
  return { label, shown: encode(text), style, length: text.length, hidden: countHidden(text), whole: true };
}

function otherField(key: string, value: unknown): Field {
  const label = encodeInline(key) || NO_NAME;
  const field =
    typeof value === 'string'
      ? textField(label, value, value.includes('\n') || value.length > MAX_LINE ? 'box' : 'line')
      : jsonField(label, value);
  return { ...field, hidden: field.hidden + countHidden(key) };
}

/** A value that is not text, as JSON. The note says so: otherwise the text "1" could pass for the number. */
function jsonField(label: string, value: unknown): Field {
  const json = toJson(value);
  if (json === undefined) return { label, shown: WORDS.cannotShow, style: 'line', length: 0, hidden: 0, whole: false };
  const note = typeof value === 'object' ? 'JSON' : typeof value;
  return { ...textField(label, json, json.includes('\n') || json.length > MAX_LINE ? 'box' : 'line'), note };
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, null, isDeeperThan(value, MAX_INDENTED_DEPTH) ? undefined : 2);
  } catch {
    // Nested so deeply that the stack does not hold it.
    return undefined;
  }
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((item) => isDeeperThan(item, depth - 1));
}

function own(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
