/** Requests for tests, and reading back what a card shows. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { ApprovalRequest, HookInput, Offers } from '../../src/types.ts';

export const HOST = 'laptop';
export const INSTANCE = 'instance-1';

export const PERMISSION: Offers = {
  form: 'permission',
  edit: true,
  always: true,
  acceptEdits: false,
  interrupt: true,
  grant: true,
  prompt: true,
};

/** Only a PermissionRequest has a prompt of the agent's beside it. */
export function offersOf({ hook_event_name: event }: HookInput): Offers {
  const { prompt: _prompt, ...rest } = PERMISSION;
  return event === 'PermissionRequest' ? PERMISSION : rest;
}

export function bash(command: string, more: Record<string, unknown> = {}): HookInput {
  return toolCall('Bash', { command, ...more });
}

export function toolCall(
  tool: string,
  toolInput: Record<string, unknown>,
  more: Record<string, unknown> = {},
): HookInput {
  return {
    session_id: '6f1f0c9e-aaaa-bbbb-cccc-000000000000',
    cwd: '/home/dev/shop',
    permission_mode: 'default',
    hook_event_name: 'PermissionRequest',
    tool_name: tool,
    tool_input: toolInput,
    ...more,
  };
}

export function makeRequest(input: HookInput, more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  const now = Date.now();
  return {
    id: randomUUID(),
    nonce: randomBytes(16).toString('base64url'),
    agent: 'claude',
    input,
    digest: '0123456789abcdef'.repeat(4),
    approvers: ['U0APPROVER'],
    fromConfig: false,
    needed: 1,
    offers: offersOf(input),
    secrets: [],
    askedAt: now,
    expiresAt: now + 60_000,
    ...more,
  };
}

type Json = Readonly<Record<string, unknown>>;

function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

/** Label (with its note) -> encoded text, of every field that a card shows. */
export function shownFields(blocks: readonly object[]): Map<string, string> {
  const shown = new Map<string, string>();
  let label = '';
  for (const part of records(blocks).flatMap((block) => (block.type === 'rich_text' ? records(block.elements) : []))) {
    const elements = records(part.elements);
    const textOf = (wanted: (style: Json) => boolean) =>
      elements
        .filter((element) => wanted((element.style ?? {}) as Json))
        .map((element) => String(element.text))
        .join('');
    if (part.type === 'rich_text_preformatted') {
      shown.set(label, (shown.get(label) ?? '') + textOf(() => true));
      continue;
    }
    const note = /^ \((?:number|boolean|JSON)\)/.exec(textOf((style) => Object.keys(style).length === 0))?.[0] ?? '';
    label = textOf((style) => style.bold === true) + note;
    if (textOf((style) => style.code === true) !== '')
      shown.set(
        label,
        textOf((style) => style.code === true),
      );
    if (textOf((style) => style.italic === true) === 'empty') shown.set(label, '');
  }
  return shown;
}

export function actionIds(blocks: readonly object[]): string[] {
  return records(blocks)
    .flatMap((block) => (block.type === 'actions' ? records(block.elements) : []))
    .map((element) => String(element.action_id));
}

export function allTexts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === 'text' && typeof item === 'string' ? [item] : allTexts(item),
  );
}
