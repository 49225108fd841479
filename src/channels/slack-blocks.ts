/** Layout: a request, or how it ended, as Block Kit. Text of an agent only ever goes into rich text and plain text elements. */
import type { ActionsBlock, Button, KnownBlock, RichTextBlock, RichTextElement } from '@slack/types';
import type { ApprovalRequest, Outcome } from '../types.ts';
import { bold, box, code, costOfBlocks, header, italic, richText, section, shorten, text } from './slack-elements.ts';
import { fieldsOf, textField } from './slack-fields.ts';
import { type FittedField, fitFields } from './slack-fit.ts';
import { countHidden, cutBefore, encodeInline } from './visible.ts';
import { askTitle, decidedBy, endedTitle, hiddenWarning, LABELS, leftOut, length, WORDS, waited } from './wording.ts';

export const DECIDE_BLOCK = 'csh_decide';
export const APPROVE_ACTION = 'csh_approve';
export const DENY_ACTION = 'csh_deny';

/** Version of the buttons' value. */
const VALUE_VERSION = 'v1';

/**
 * Slack refuses messages with more than about 13,200 characters over all blocks, and was seen to refuse 11,341
 * (bolt-js issues 2509 and 2867); the limit is undocumented, so stay well below.
 */
const FULL_BUDGET = 9_000;
/** For the case that Slack refused the full card. */
const SHORT_BUDGET = 3_000;
/** Title, outcome and reason; and for each field its length and the line about what is left out. */
const FRAME = 700;
const FRAME_PER_FIELD = 100;
/** Header: 150 characters (Block Kit reference). The longest title around the tool's name has 40. */
const MAX_TOOL_IN_TITLE = 100;
const MAX_LABEL = 80;
/** Labels such as the mode or a subagent's type; they say where a request comes from, not what it does. */
const MAX_ORIGIN = 60;
const MAX_REASON = 300;
/** Push notifications show about this much. */
const MAX_TEXT = 150;
const PREVIEW = 80;
const DIGEST_SHOWN = 12;
const SESSION_SHOWN = 8;

export interface CardOptions {
  readonly host: string;
  /** Which daemon a click belongs to. */
  readonly instanceId: string;
  /** 'short' never offers an approval. Default 'full'. */
  readonly size?: 'full' | 'short';
}

export interface Rendered {
  readonly blocks: KnownBlock[];
  /** For notifications; Slack reads it as mrkdwn. */
  readonly text: string;
  /** Whether the blocks show the whole request. */
  readonly complete: boolean;
}

/** What the buttons of a request carry. */
export function buttonValue(request: ApprovalRequest, instanceId: string): string {
  return [VALUE_VERSION, instanceId, request.id, request.nonce].join('.');
}

/** The parts of a button's value; undefined when it is not one of ours. */
export function readButtonValue(value: string): { instanceId: string; requestId: string; nonce: string } | undefined {
  const [version, instanceId, requestId, nonce, ...more] = value.split('.');
  if (version !== VALUE_VERSION || more.length > 0 || !instanceId || !requestId || !nonce) return undefined;
  return { instanceId, requestId, nonce };
}

/** The card that asks. Without `complete` there is no Approve button. */
export function renderCard(request: ApprovalRequest, options: CardOptions): Rendered {
  const body = renderBody(request, options);
  const isShort = options.size === 'short';
  const complete = body.complete && !isShort;
  const why = complete ? [] : [section([bold(WORDS.tooLong)])];
  return {
    blocks: [
      header(askTitle(body.tool, complete)),
      ...body.blocks,
      ...(why.length > 0 ? [richText(why)] : []),
      actions(buttonValue(request, options.instanceId), complete),
    ],
    text: notification(askTitle(body.tool, complete), request),
    complete,
  };
}

/** The card after the end: no buttons, what happened, and still what it was about. */
export function renderClosed(
  request: ApprovalRequest,
  outcome: Outcome,
  options: Omit<CardOptions, 'instanceId'>,
): Rendered {
  const body = renderBody(request, options);
  const title = endedTitle(outcome.kind, body.tool);
  return {
    blocks: [header(title), richText([section(outcomeLine(request, outcome))]), ...body.blocks],
    text: notification(title, request),
    complete: body.complete,
  };
}

interface Body {
  /** The tool's name as it stands in titles. */
  readonly tool: string;
  readonly blocks: RichTextBlock[];
  readonly complete: boolean;
}

/** What asking and closed cards have in common: the call, then where it comes from, then what the agent says about it. */
function renderBody(request: ApprovalRequest, { host, size }: Pick<CardOptions, 'host' | 'size'>): Body {
  const { input } = request;
  const toolName = encodeInline(input.tool_name ?? '');
  const fields = [
    ...fieldsOf(input),
    ...(toolName.length > MAX_TOOL_IN_TITLE ? [textField(LABELS.tool, input.tool_name ?? '', 'line')] : []),
    textField(LABELS.project, input.cwd, 'line'),
  ];
  const hidden = fields.reduce((sum, field) => sum + field.hidden, countHidden(input.tool_name ?? ''));
  const origin = section(originLine(request, host));
  const notes = [
    ...(Object.keys(input.tool_input ?? {}).length === 0 ? [section([text(WORDS.noInput)])] : []),
    ...(hidden > 0 ? [section([bold(hiddenWarning(hidden))])] : []),
  ];
  const layOut = (shown: readonly FittedField[]): RichTextBlock[] => {
    const comments = shown.filter((field) => field.isComment === true);
    return [
      richText([...shown.filter((field) => field.isComment !== true).flatMap(fieldElements), origin]),
      ...(comments.length > 0 ? [richText(comments.flatMap(fieldElements))] : []),
      ...(notes.length > 0 ? [richText(notes)] : []),
    ];
  };
  const frame = costOfBlocks(layOut(fields.map((field) => ({ ...field, shown: '' }))));
  const budget = (size === 'short' ? SHORT_BUDGET : FULL_BUDGET) - frame - FRAME - FRAME_PER_FIELD * fields.length;
  const fitted = fitFields(fields, Math.max(0, budget));
  return {
    tool: shorten(toolName, MAX_TOOL_IN_TITLE) || WORDS.unknownTool,
    blocks: layOut(fitted),
    complete: fitted.every((field) => field.cut === undefined && field.whole && field.label.length <= MAX_LABEL),
  };
}

function fieldElements(field: FittedField): RichTextBlock['elements'] {
  const label = [
    bold(shorten(field.label, MAX_LABEL)),
    ...(field.note === undefined ? [] : [text(` (${field.note})`)]),
  ];
  if (field.cut !== undefined) {
    const { head, tail, characters, lines } = field.cut;
    const gap = section([bold(leftOut(characters, lines))]);
    return [section([...label, text(` · ${length(field.length)}`)]), ...box(head), gap, ...box(tail)];
  }
  if (field.shown === '') return [section([...label, text(': '), italic(WORDS.empty)])];
  if (field.style === 'line') return [section([...label, text(': '), ...code(field.shown)])];
  return [section([...label, text(` · ${length(field.length)}`)]), ...box(field.shown)];
}

function originLine({ input, digest }: ApprovalRequest, host: string): RichTextElement[] {
  const agentType = typeof input.agent_type === 'string' ? input.agent_type : undefined;
  const parts: readonly (readonly [string, string | undefined])[] = [
    [LABELS.host, host],
    [LABELS.mode, input.permission_mode],
    [LABELS.agent, agentType],
    [LABELS.session, input.session_id.slice(0, SESSION_SHOWN)],
    [LABELS.digest, digest.slice(0, DIGEST_SHOWN)],
  ];
  return parts
    .filter((part): part is readonly [string, string] => part[1] !== undefined && part[1] !== '')
    .flatMap(([label, value], index) => [
      text(`${index === 0 ? '' : ' · '}${label} `),
      ...code(shorten(encodeInline(value), MAX_ORIGIN)),
    ]);
}

function outcomeLine(request: ApprovalRequest, outcome: Outcome): RichTextElement[] {
  const date: RichTextElement = {
    type: 'date',
    timestamp: Math.floor(outcome.at / 1000),
    format: '{date_short_pretty} {time_secs}',
    fallback: new Date(outcome.at).toISOString(),
  };
  const when = [text(' · '), date, text(` · after ${waited(outcome.at - request.askedAt)}`)];
  const reason = outcome.reason ?? '';
  const why = reason === '' ? [] : [text(shorten(encodeInline(reason), MAX_REASON))];
  if (outcome.kind !== 'allowed' && outcome.kind !== 'denied') return [...why, ...when];
  const person: RichTextElement = /^[UW][A-Z0-9]{2,20}$/.test(outcome.by)
    ? { type: 'user', user_id: outcome.by }
    : text(shorten(encodeInline(outcome.by), MAX_ORIGIN) || '?');
  return [bold(decidedBy(outcome.kind)), person, ...when, ...(why.length === 0 ? [] : [text('\n'), ...why])];
}

/** Static words, the tool's name and the start of the call: nothing in it can be markup. */
function notification(title: string, request: ApprovalRequest): string {
  const start = fieldsOf(request.input)[0]?.shown.replaceAll('\n', ' ') ?? '';
  const whole = `${title} ${start.slice(0, cutBefore(start, PREVIEW))}`.trim();
  let kept = whole.length;
  while (harmless(whole.slice(0, kept)).length > MAX_TEXT) kept = cutBefore(whole, kept - 1);
  return harmless(whole.slice(0, kept));
}

/** Slack's three escapes; a backtick has none, so a look-alike takes its place. */
function harmless(markup: string): string {
  return markup.replaceAll('`', 'ˋ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function actions(value: string, complete: boolean): ActionsBlock {
  const button = (actionId: string, label: string, style: 'primary' | 'danger', spoken: string): Button => ({
    type: 'button',
    action_id: actionId,
    text: { type: 'plain_text', text: label, emoji: false },
    style,
    value,
    accessibility_label: spoken,
  });
  const approve = complete ? [button(APPROVE_ACTION, WORDS.approve, 'primary', WORDS.approveLabel)] : [];
  return {
    type: 'actions',
    block_id: DECIDE_BLOCK,
    elements: [...approve, button(DENY_ACTION, WORDS.deny, 'danger', WORDS.denyLabel)],
  };
}
