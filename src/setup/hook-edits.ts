/**
 * Puts our hooks into an agent's settings and takes them out again, as text: comments, order and everything of others stay as
 * they are. Pure.
 */
import { type Node, type ParseError, parse, parseTree, printParseErrorCode } from 'jsonc-parser';
import { AppError, attempt } from '../errors.ts';
import { isOurProgram, runsOurs } from '../hook-command.ts';
import type { HookPlan } from './hook-plans.ts';
import { insertInto, isBlank, removeFrom } from './json-text.ts';

type Json = Readonly<Record<string, unknown>>;

const PARSING = { allowTrailingComma: true, disallowComments: false } as const;
const BOM = '\uFEFF';

/** The file with the hooks of the plan and no others of ours; the same text when it has them already. Throws AppError('bad-settings'). */
export function withHooks(text: string, plan: Pick<HookPlan, 'hooks' | 'base' | 'path'>): string {
  return onText(text, (body) => {
    const root = readSettings(body, plan.path);
    if (isComplete(root, plan)) return body;
    let edited = withoutOurs(body, plan.path);
    for (const [key, value] of Object.entries(plan.base ?? {}))
      if (!Object.hasOwn(root, key)) edited = insertInto(edited, [], value, key);
    for (const [event, entry] of plan.hooks) edited = append(edited, event, entry, plan.path);
    return edited;
  });
}

/** The file without any hook of ours, and without what is empty because of that. Throws AppError('bad-settings'). */
export function withoutHooks(text: string, path: string): string {
  return text.replace(BOM, '').trim() === '' ? text : onText(text, (body) => withoutOurs(body, path));
}

/** Whether a command runs this program. With arguments of its own it is no command line, but the program. */
export function isOurs(command: unknown, args?: unknown): boolean {
  if (typeof command !== 'string') return false;
  return Array.isArray(args) ? isOurProgram(command) : runsOurs(command);
}

/** A byte order mark stays where it is. An empty file is an empty object. */
function onText(text: string, edit: (body: string) => string): string {
  const mark = text.startsWith(BOM) ? BOM : '';
  const body = text.slice(mark.length);
  return mark + edit(body.trim() === '' ? '{}\n' : body);
}

/** Throws AppError('bad-settings') for what is no object of lists of hooks: nobody knows what its agent makes of it. */
function readSettings(body: string, path: string): Json {
  const errors: ParseError[] = [];
  const root = attempt((): unknown => parse(body, errors, PARSING));
  const tree = attempt(() => parseTree(body, [], PARSING));
  // The parser goes as deep as the text does.
  if (root instanceof AppError || tree instanceof AppError)
    throw bad(path, 'to be JSON, got one that is nested too deeply');
  const [first] = errors;
  if (first !== undefined) {
    const line = body.slice(0, first.offset).split('\n').length;
    throw bad(path, `to be JSON: ${printParseErrorCode(first.error)} in line ${line}`);
  }
  if (!isJson(root)) throw bad(path, 'to hold one JSON object');
  if (root.hooks !== undefined && !isJson(root.hooks)) throw bad(path, 'to have an object under "hooks"');
  for (const [event, entries] of Object.entries(root.hooks ?? {}))
    if (!Array.isArray(entries)) throw bad(path, `to have a list under hooks.${event.slice(0, 40)}`);
  const twice = doubledKey(tree);
  if (twice !== undefined) throw bad(path, `to have the key ${JSON.stringify(twice.slice(0, 40))} once in an object`);
  return root;
}

/**
 * A key that leads to hooks and is there twice: an agent takes the last one, an edit would meet the first, and take out what is
 * somebody else's. `__proto__` is no key to the one and a key to the other.
 */
function doubledKey(root: Node | undefined): string | undefined {
  const leading = (root?.children ?? []).filter((property) => ['hooks', '__proto__'].includes(keyOf(property)));
  return doubledIn(leading) ?? leading.map(doubledBelow).find((key) => key !== undefined);
}

function doubledBelow({ type, children = [] }: Node): string | undefined {
  const own = type === 'object' ? doubledIn(children) : undefined;
  return own ?? children.map(doubledBelow).find((key) => key !== undefined);
}

function doubledIn(properties: readonly Node[]): string | undefined {
  const keys = properties.map(keyOf);
  return keys.length === new Set(keys).size
    ? keys.find((key) => key === '__proto__')
    : keys.find((key, index) => keys.indexOf(key) !== index);
}

function keyOf({ children: [key] = [] }: Node): string {
  return String(key?.value);
}

function bad(path: string, expected: string): AppError {
  return new AppError('bad-settings', `Expected ${path} ${expected}`);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listsOf(root: Json): readonly (readonly [event: string, entries: readonly unknown[]])[] {
  return Object.entries(isJson(root.hooks) ? root.hooks : {}).map(
    ([event, entries]) => [event, Array.isArray(entries) ? entries : []] as const,
  );
}

function isComplete(root: Json, { hooks, base = {} }: Pick<HookPlan, 'hooks' | 'base'>): boolean {
  const wanted = new Set(hooks.map((hook) => JSON.stringify(hook)));
  const found = listsOf(root).flatMap(([event, entries]) =>
    entries.filter(hasOurs).map((entry) => JSON.stringify([event, entry])),
  );
  const isSame = found.length === wanted.size && found.every((hook) => wanted.has(hook));
  return isSame && Object.keys(base).every((key) => Object.hasOwn(root, key));
}

/** Claude Code's entries hold a list of hooks, Cursor's are the hook. */
function hasOurs(entry: unknown): boolean {
  if (!isJson(entry)) return false;
  return isOurs(entry.command) || (Array.isArray(entry.hooks) && entry.hooks.some(isOurHook));
}

function isOurHook(hook: unknown): boolean {
  return isJson(hook) && (isOurs(hook.command, hook.args) || isOurUrl(hook.url));
}

/** Claude Code's hooks over HTTP, to the daemon. */
function isOurUrl(url: unknown): boolean {
  return typeof url === 'string' && /^http:\/\/(127\.0\.0\.1|localhost):\d+\/hooks\/claude$/.test(url);
}

function withoutOurs(body: string, path: string): string {
  let text = body;
  for (const [event, entries] of listsOf(readSettings(body, path))) {
    const had = entries.length;
    // From the end: what comes before keeps its place.
    for (const [index, entry] of [...entries.entries()].toReversed()) text = withoutEntry(text, event, index, entry);
    if (had > 0 && isBlank(text, ['hooks', event])) text = removeFrom(text, ['hooks', event]);
  }
  const { hooks } = readSettings(text, path);
  const hadHooks = isJson(readSettings(body, path).hooks) && text !== body;
  return hadHooks && isJson(hooks) && isBlank(text, ['hooks']) ? removeFrom(text, ['hooks']) : text;
}

/** Of an entry that others have put hooks into as well only ours go. */
function withoutEntry(text: string, event: string, index: number, entry: unknown): string {
  if (!hasOurs(entry) || !isJson(entry)) return text;
  const hooks: readonly unknown[] = Array.isArray(entry.hooks) ? entry.hooks : [];
  if (isOurs(entry.command) || hooks.every(isOurHook)) return removeFrom(text, ['hooks', event, index]);
  return [...hooks.entries()]
    .toReversed()
    .reduce(
      (left, [at, hook]) => (isOurHook(hook) ? removeFrom(left, ['hooks', event, index, 'hooks', at]) : left),
      text,
    );
}

function listOf(text: string, event: string, path: string): readonly unknown[] {
  return listsOf(readSettings(text, path)).find(([name]) => name === event)?.[1] ?? [];
}

function append(text: string, event: string, entry: unknown, path: string): string {
  if (listOf(text, event, path).length > 0) return insertInto(text, ['hooks', event], entry);
  const isThere = listsOf(readSettings(text, path)).some(([name]) => name === event);
  if (isThere) return insertInto(text, ['hooks', event], entry);
  const whole = isJson(readSettings(text, path).hooks) ? text : insertInto(text, [], {}, 'hooks');
  return insertInto(insertInto(whole, ['hooks'], [], event), ['hooks', event], entry);
}
