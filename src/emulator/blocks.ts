/** Block Kit: is this list of blocks one that Slack would take on this surface? */
import { randomBytes } from 'node:crypto';
import {
  accessory,
  actionElement,
  anyText,
  contextAction,
  contextElement,
  inputElement,
  plainText,
  richTextElement,
} from './block-elements.ts';
import { isRecord, recordOf, recordsOf, stringOf } from './json.ts';
import {
  all,
  anyOf,
  byType,
  type Check,
  type Fields,
  flag,
  list,
  oneOf,
  problem,
  shape,
  text,
  typed,
} from './schema.ts';

export type Surface = 'message' | 'modal' | 'home';

const MAX_BLOCKS = { message: 50, modal: 100, home: 100 } as const;
/** Over all markdown blocks of a message together. */
const MAX_MARKDOWN = 12_000;

const id: Fields = { block_id: text(255) };
const richText = typed({ elements: list(richTextElement, Number.POSITIVE_INFINITY) }, id);
const cell = byType({
  raw_text: typed({ text: text(Number.POSITIVE_INFINITY) }),
  raw_number: typed({ value: isNumber, text: text(Number.POSITIVE_INFINITY) }),
  rich_text: richText,
});
const column = shape({}, { align: oneOf('left', 'center', 'right'), is_wrapped: flag });

const everywhere: Readonly<Record<string, Check>> = {
  section: all(
    typed({}, { ...id, text: anyText(3000), fields: list(anyText(2000), 10), accessory, expand: flag }),
    anyOf('text', 'fields'),
  ),
  header: typed({ text: plainText(150) }, id),
  divider: typed({}, id),
  context: typed({ elements: list(contextElement, 10) }, id),
  actions: typed({ elements: list(actionElement, 25) }, id),
  image: all(
    typed(
      { alt_text: text(2000) },
      {
        ...id,
        title: plainText(2000),
        image_url: text(3000),
        slack_file: shape({}, { id: text(255), url: text(3000) }),
      },
    ),
    anyOf('image_url', 'slack_file'),
  ),
  input: typed(
    { label: plainText(2000), element: inputElement },
    { ...id, hint: plainText(2000), optional: flag, dispatch_action: flag },
  ),
  rich_text: richText,
};

const SURFACES: Readonly<Record<Surface, Check>> = {
  message: byType({
    ...everywhere,
    markdown: typed({ text: text(MAX_MARKDOWN) }, id),
    table: typed({ rows: list(list(cell, 20), 100) }, { ...id, column_settings: list(column, 20) }),
    context_actions: typed({ elements: list(contextAction, 5) }, id),
    file: typed({ external_id: text(255), source: oneOf('remote') }, id),
  }),
  modal: byType({
    ...everywhere,
    alert: typed({ text: anyText(3000) }, { ...id, level: oneOf('default', 'info', 'warning', 'error', 'success') }),
  }),
  home: byType(everywhere),
};

/** Errors in Slack's words, each with a JSON pointer below `pointer`; empty when all is well. */
export function blockErrors(blocks: readonly unknown[], surface: Surface, pointer: string): string[] {
  const problems: string[] = [];
  list(SURFACES[surface], MAX_BLOCKS[surface], 0)(blocks, pointer, problems);
  return problems.length > 0 ? problems : duplicates(blocks, pointer).concat(acrossBlocks(blocks, pointer));
}

/** Ids that occur twice: block ids in the list, action ids in one block. */
function duplicates(blocks: readonly unknown[], pointer: string): string[] {
  const problems: string[] = [];
  const blockIds = new Set<string>();
  for (const [index, block] of recordsOf(blocks).entries()) {
    const blockId = stringOf(block.block_id);
    if (blockId !== undefined && blockIds.has(blockId)) {
      problems.push(problem(`\`block_id\` "${blockId}" already exists`, `${pointer}/${index}/block_id`));
    }
    if (blockId !== undefined) blockIds.add(blockId);
    const actionIds = new Set<string>();
    for (const [place, element] of recordsOf(block.elements).entries()) {
      const actionId = stringOf(element.action_id);
      if (actionId === undefined) continue;
      if (actionIds.has(actionId)) {
        const where = `${pointer}/${index}/elements/${place}/action_id`;
        problems.push(problem(`\`action_id\` "${actionId}" already exists for another element`, where));
      }
      actionIds.add(actionId);
    }
  }
  return problems;
}

function acrossBlocks(blocks: readonly unknown[], pointer: string): string[] {
  const problems: string[] = [];
  const ofType = (type: string) => recordsOf(blocks).filter((block) => block.type === type);
  if (ofType('table').length > 1) problems.push(problem('only_one_table_allowed', pointer));
  const markdown = ofType('markdown').reduce((sum, block) => sum + String(block.text).length, 0);
  if (markdown > MAX_MARKDOWN) {
    problems.push(problem(`markdown blocks must be less than ${MAX_MARKDOWN + 1} characters together`, pointer));
  }
  return problems;
}

function isNumber(value: unknown, pointer: string, problems: string[]): void {
  if (typeof value !== 'number') problems.push(problem('must be a number', pointer));
}

/** The characters of all texts in the blocks together. */
export function blockTextLength(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + blockTextLength(item), 0);
  if (!isRecord(value)) return 0;
  return Object.entries(value).reduce(
    (sum, [key, item]) => sum + (key === 'text' && typeof item === 'string' ? item.length : blockTextLength(item)),
    0,
  );
}

/** The same blocks with the ids that Slack makes up where there are none: on blocks and on what people can operate. */
export function withIds(blocks: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  return blocks.map((block) => {
    const named: Record<string, unknown> = { ...block, block_id: stringOf(block.block_id) ?? madeUpId() };
    if (block.type === 'actions' || block.type === 'context_actions')
      named.elements = recordsOf(block.elements).map(withActionId);
    if (block.accessory !== undefined) named.accessory = withActionId(recordOf(block.accessory));
    if (block.element !== undefined) named.element = withActionId(recordOf(block.element));
    return named;
  });
}

function withActionId(element: Record<string, unknown>): Record<string, unknown> {
  return element.type === 'image' ? element : { ...element, action_id: stringOf(element.action_id) ?? madeUpId() };
}

function madeUpId(): string {
  return randomBytes(4).toString('base64url').slice(0, 5);
}
