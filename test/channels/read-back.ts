/** Reads a tool input back from what a card shows: what cannot be read back was not shown. */
import { expect } from 'bun:test';
import { planElements } from '../../src/channels/slack-plan.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import { choose, FROM_DISK, NO_LINE_BREAK } from '../../src/channels/wording.ts';
import type { HookInput } from '../../src/types.ts';

/** The two texts of a diff. */
export function readDiff(shown: string): { readonly oldText: string; readonly newText: string } {
  const groups: { sign: string; lines: string[]; isEnded: boolean }[] = [];
  for (const line of shown.split('\n').filter((item) => !item.startsWith(FROM_DISK))) {
    const group = groups.at(-1);
    if (line === NO_LINE_BREAK && group !== undefined) group.isEnded = false;
    else if (group !== undefined && group.sign === line[0] && group.isEnded) group.lines.push(line.slice(1));
    else groups.push({ sign: line[0] ?? '', lines: [line.slice(1)], isEnded: true });
  }
  const side = (other: string): string =>
    groups
      .filter(({ sign }) => sign !== other)
      .map(({ lines, isEnded }) => decodeVisible(lines.join('\n')) + (isEnded ? '\n' : ''))
      .join('');
  return shown === '' ? { oldText: '', newText: '' } : { oldText: side('+'), newText: side('-') };
}

/** The rows of a table of arguments. */
function readTable(shown: string): Record<string, unknown> {
  const rows = shown.split('\n').map((row): [string, unknown] => {
    const [, json, plain, value] = /^(?:("(?:[^"\\]|\\.)*")|([\w.-]+)): *(.*)$/.exec(row) ?? [];
    const key = plain ?? String(JSON.parse(decodeVisible(json ?? '""')));
    return [key, JSON.parse(decodeVisible(value ?? ''))];
  });
  return Object.fromEntries(rows);
}

function readQuestion(shown: string): unknown {
  const [question, header, ...options] = shown.split('\n');
  const multiSelect = header?.startsWith(`${choose(true)} · `) === true;
  const text = (line: string | undefined, before: number): string => decodeVisible((line ?? '').slice(before));
  return {
    question: text(question, 0),
    header: text(header, choose(multiSelect).length + 3),
    multiSelect,
    options: options
      .filter((_line, index) => index % 2 === 0)
      .map((line, index) => ({ label: text(line, 2), description: text(options[2 * index + 1], 3) })),
  };
}

function readEdit(label: string, shown: string): unknown {
  const { oldText, newText } = readDiff(shown);
  const [, flag] = /replace_all (true|false)$/.exec(label) ?? [];
  return { old_string: oldText, new_string: newText, ...(flag && { replace_all: flag === 'true' }) };
}

/**
 * Fails unless every value of the tool input, and the directory, can be read back from labels and texts. `restore` puts
 * masked values back; `elsewhere` names the keys that are shown in another way.
 */
export function expectAllShown(
  input: HookInput,
  masked: ReadonlyMap<string, string>,
  restore = (text: string): string => text,
  elsewhere: readonly string[] = [],
): void {
  const shown = new Map([...masked].map(([label, text]) => [restore(label), restore(text)]));
  const toolInput = input.tool_input ?? {};
  const texts = new Set([...shown.values()].map(decodeVisible));
  const numbered = (word: string): [string, string][] => [...shown].filter(([label]) => label.startsWith(word));
  const json = (label: string): Record<string, unknown> => {
    const text = shown.get(label);
    return text === undefined ? {} : JSON.parse(decodeVisible(text));
  };
  const table = shown.get('Arguments');
  const together = {
    ...json('Other fields (JSON)'),
    ...json('Input (JSON)'),
    ...(table === undefined ? {} : readTable(table)),
  };
  const edits = numbered('Change').map(([label, text]) => readEdit(label, text)) as { old_string?: string }[];
  const questions = numbered('Question').map(([, text]) => readQuestion(text));
  const compared = [...numbered('Content'), ...numbered('Cell')].map(([, text]) => readDiff(text).newText);
  const isShown = (key: string, value: unknown): boolean =>
    (Object.hasOwn(together, key) && isSame(together[key], value)) ||
    (key === 'edits' && isSame(edits, value)) ||
    (key === 'questions' && isSame(questions, value)) ||
    (/^(old|new)_string$/.test(key) && (edits[0] as Record<string, unknown> | undefined)?.[key] === value) ||
    (/^(content|new_source)$/.test(key) && compared.some((text) => text === value)) ||
    (typeof value === 'string' ? texts.has(value) : [...texts].some((text) => sameJson(text, value)));
  const expected = Object.entries(toolInput).filter(([key]) => !elsewhere.includes(key));
  for (const [key, value] of expected) expect([key, isShown(key, value)]).toEqual([key, true]);
  expect(texts.has(input.cwd)).toBe(true);
}

/** Whether a plan is laid out as what its Markdown means; test/channels/slack-plan.test.ts is about what that shows. */
export function showsPlan(plan: unknown, blocks: readonly object[], mask: (shown: string) => string): boolean {
  const rich = typeof plan === 'string' ? planElements(plan, mask) : undefined;
  return rich !== undefined && elementsOf(blocks).some(({ elements }) => Bun.deepEquals(elements, rich));
}

/** The questions of a card that takes answers, as the tool was given them. `restore` puts masked values back. */
export function readAsked(blocks: readonly object[], restore = (shown: string): string => shown): unknown[] {
  const read = (shown: string): string => decodeVisible(restore(shown));
  return elementsOf(blocks).flatMap((block) => {
    const [title, asked, ...lines] = elementsOf(block.elements);
    const kind = plainOf(title).at(-1) ?? '';
    const multiSelect = kind.endsWith(choose(true));
    if (block.type !== 'rich_text' || !(multiSelect || kind.endsWith(choose(false)))) return [];
    const options: { label: string; description: string; preview?: string }[] = [];
    for (const line of lines) {
      const last = options.at(-1);
      if (line.type === 'rich_text_preformatted' && last !== undefined) last.preview = read(plainOf(line).join(''));
      else options.push({ label: read(boldOf(line)), description: read(plainOf(line).slice(2).join('')) });
    }
    return [{ question: read(boldOf(asked)), header: read(boldOf(title)), multiSelect, options }];
  });
}

type Json = Readonly<Record<string, unknown>>;

function elementsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

function boldOf(section: Json | undefined): string {
  return elementsOf(section?.elements)
    .filter(({ style }) => JSON.stringify(style) === '{"bold":true}')
    .map(({ text }) => String(text))
    .join('');
}

function plainOf(section: Json | undefined): string[] {
  return elementsOf(section?.elements)
    .filter(({ style }) => style === undefined)
    .map(({ text }) => String(text));
}

/** The same JSON, whatever order its keys have. */
function isSame(read: unknown, value: unknown): boolean {
  return Bun.deepEquals(read, JSON.parse(JSON.stringify(value)));
}

function sameJson(text: string, value: unknown): boolean {
  try {
    return isSame(JSON.parse(text), value);
  } catch {
    return false;
  }
}
