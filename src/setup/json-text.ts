/**
 * Adds something at the end of a list or an object of a JSON file with comments, in the style of the file, and takes it out
 * again; touches nothing else. Pure.
 */
import { createScanner, findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';

/**
 * The text with `value` as the last item of the list at `path`, or as the property `key` of the object there. The list or
 * object must be there.
 */
export function insertInto(text: string, path: readonly (string | number)[], value: unknown, key?: string): string {
  const node = nodeAt(text, path);
  const { unit, eol } = styleOf(text);
  const depth = path.length + 1;
  const inner = eol + unit.repeat(depth);
  const item = `${key === undefined ? '' : `${JSON.stringify(key)}: `}${spaced(value)}`;
  const last = node.children?.at(-1);
  if (last === undefined) return emptied(text, node, inner + item + eol + unit.repeat(depth - 1));
  const end = last.offset + last.length;
  const comma = commaAfter(text, end);
  return comma === undefined
    ? `${text.slice(0, end)},${inner}${item}${text.slice(end)}`
    : `${text.slice(0, comma)}${inner}${item},${text.slice(comma)}`;
}

/** The text without what is at `path`, the property or the item: what `insertInto` has put there leaves no trace. */
export function removeFrom(text: string, path: readonly (string | number)[]): string {
  const value = nodeAt(text, path);
  const node = value.parent?.type === 'property' ? value.parent : value;
  const siblings = node.parent?.children ?? [];
  const before = siblings[siblings.indexOf(node) - 1];
  const end = node.offset + node.length;
  const ownComma = commaAfter(text, end);
  const start = endBefore(text, node.offset);
  const rest = text.slice(ownComma ?? end);
  // The comma before an item that was the last one goes with it; a comment between them stays.
  const lastComma =
    before === undefined || ownComma !== undefined ? undefined : commaAfter(text, before.offset + before.length);
  if (lastComma !== undefined)
    return text.slice(0, lastComma - 1) + text.slice(lastComma, Math.max(lastComma, start)) + rest;
  const isAlone = siblings.length === 1 && /[[{]$/.test(text.slice(0, start)) && /^\s*[\]}]/.test(rest);
  return text.slice(0, start) + (isAlone ? rest.trimStart() : rest);
}

/** Where that ends which is before, without blanks; a comment to the end of its line keeps that end, or what follows would be in it. */
function endBefore(text: string, offset: number): number {
  const end = text.slice(0, offset).trimEnd().length;
  const scanner = createScanner(text.slice(0, offset), false);
  for (let kind = scanner.scan(); kind !== END; kind = scanner.scan()) {
    const after = scanner.getTokenOffset() + scanner.getTokenLength();
    if (kind === LINE_COMMENT && after >= end)
      return after + (/^\r?\n/.exec(text.slice(after, offset))?.[0].length ?? 0);
  }
  return end;
}

/** Whether the list or object at `path` has nothing in it, and no comment either. */
export function isBlank(text: string, path: readonly (string | number)[]): boolean {
  const { offset, length } = nodeAt(text, path);
  return text.slice(offset + 1, offset + length - 1).trim() === '';
}

function nodeAt(text: string, path: readonly (string | number)[]): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const node = root === undefined ? undefined : findNodeAtLocation(root, [...path]);
  if (node === undefined) throw new RangeError(`Expected a value at ${path.join('.')}, got none`);
  return node;
}

/** What stands between the brackets of an empty list may be a comment. */
function emptied(text: string, { offset, length }: Node, content: string): string {
  const between = text.slice(offset + 1, offset + length - 1);
  const kept = between.trim() === '' ? '' : between.trimEnd();
  return text.slice(0, offset + 1) + kept + content + text.slice(offset + length - 1);
}

/** Of SyntaxKind of jsonc-parser: a const enum, of which nothing is left at run time. */
const COMMA = 5;
const LINE_COMMENT = 12;
const END = 17;

/** The end of a comma that already stands there, behind comments or not. */
function commaAfter(text: string, from: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(from);
  return scanner.scan() === COMMA ? scanner.getTokenOffset() + 1 : undefined;
}

interface Style {
  /** One level of indentation. */
  readonly unit: string;
  readonly eol: string;
}

/** As the file has it; two blanks in one without any. */
function styleOf(text: string): Style {
  return { unit: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' };
}

/** JSON in one line, with blanks where people put them. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}
