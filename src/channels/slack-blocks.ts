/** Layout: a request, or how it ended, as Block Kit. Text of an agent only ever goes into rich text and plain text elements. */
import type { ActionsBlock, Button, KnownBlock, RichTextBlock, RichTextElement } from '@slack/types';
import type { ApprovalRequest, Outcome } from '../types.ts';
import { bold, box, code, costOfBlocks, header, italic, richText, section, shorten, text } from './slack-elements.ts';
import { type Field, textField } from './slack-field.ts';
import { fieldsOf, mcpName } from './slack-fields.ts';
import { type FittedField, fitSomehow } from './slack-fit.ts';
import { projectName, type Surroundings } from './slack-surroundings.ts';
import { countHidden, cutBefore, encodeInline, mixedWords, spellOut } from './visible.ts';
import {
  AGENTS,
  askTitle,
  decidedBy,
  endedTitle,
  hiddenWarning,
  LABELS,
  leftOut,
  length,
  MIXED_SCRIPTS,
  mcpTitle,
  notice,
  WORDS,
  waited,
} from './wording.ts';

export const DECIDE_BLOCK = 'csh_decide';
export const APPROVE_ACTION = 'csh_approve';
export const DENY_ACTION = 'csh_deny';
export const DENY_REASON_ACTION = 'csh_deny_reason';

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
const MAX_PROJECT_IN_TEXT = 30;
/** More characters of the call than a notification has. */
const PREVIEW = 160;
const MAX_MIXED_WORDS = 3;
const MAX_MIXED_WORD = 40;
const DIGEST_SHOWN = 12;
const SESSION_SHOWN = 8;

export interface CardOptions {
  readonly host: string;
  /** Which daemon a click belongs to. */
  readonly instanceId: string;
  /** 'short' never offers an approval. Default 'full'. */
  readonly size?: 'full' | 'short';
  /** What the disk adds; the tool input is shown in full without it. */
  readonly surroundings?: Surroundings;
}

export interface ClosedOptions extends Omit<CardOptions, 'instanceId'> {
  /** The body of the card that asked, so that what was decided on stays to be seen. Default: rendered again. */
  readonly body?: CardBody;
}

export interface Rendered {
  readonly blocks: KnownBlock[];
  /** For notifications; Slack reads it as mrkdwn. */
  readonly text: string;
  /** Whether the blocks show the whole request. */
  readonly complete: boolean;
  readonly body: CardBody;
}

/** What asking and closed cards have in common. */
export interface CardBody {
  /** The tool's name as it stands in titles. */
  readonly tool: string;
  /** How the call starts, for notifications; encoded. */
  readonly start: string;
  readonly blocks: readonly RichTextBlock[];
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
    text: notification(complete ? body.tool : askTitle(body.tool, complete), request, body),
    complete,
    body,
  };
}

/** The card after the end: no buttons, what happened, and still what it was about. */
export function renderClosed(request: ApprovalRequest, outcome: Outcome, options: ClosedOptions): Rendered {
  const body = options.body ?? renderBody(request, options);
  const title = endedTitle(outcome.kind, body.tool);
  return {
    blocks: [header(title), richText([section(outcomeLine(request, outcome))]), ...body.blocks],
    text: notification(title, request, body),
    complete: body.complete,
    body,
  };
}

/** Where the call comes from, the call itself, then what the agent says about it, and warnings. */
function renderBody(request: ApprovalRequest, options: Pick<CardOptions, 'host' | 'size' | 'surroundings'>): CardBody {
  const { input } = request;
  const { host, size, surroundings = {} } = options;
  const tool = toolTitle(request);
  const call = fieldsOf(input, surroundings.file);
  const fields = [
    ...call,
    ...(tool.length > MAX_TOOL_IN_TITLE ? [textField(LABELS.tool, input.tool_name ?? '', 'line')] : []),
    textField(LABELS.directory, input.cwd, 'line'),
  ];
  const origin = section(originLine(request, host, surroundings.branch));
  const notes = noteElements(request, fields);
  const layOut = (shown: readonly FittedField[]): RichTextBlock[] => {
    const comments = shown.filter((field) => field.isComment === true);
    return [
      richText([origin]),
      richText([
        ...shown.filter((field) => field.isComment !== true).flatMap(fieldElements),
        section(traceLine(request)),
      ]),
      ...(comments.length > 0 ? [richText(comments.flatMap(fieldElements))] : []),
      ...(notes.length > 0 ? [richText(notes)] : []),
    ];
  };
  const budgetOf = (shown: readonly Field[]): number => {
    const frame = costOfBlocks(layOut(shown.map(({ around: _around, ...field }) => ({ ...field, shown: '' }))));
    const most = size === 'short' ? SHORT_BUDGET : FULL_BUDGET;
    return Math.max(0, most - frame - FRAME - FRAME_PER_FIELD * shown.length);
  };
  const fitted = fitSomehow(fields, budgetOf);
  return {
    tool: shorten(tool, MAX_TOOL_IN_TITLE) || WORDS.unknownTool,
    start: startOf(call.find(({ isNamed }) => isNamed !== true)),
    blocks: layOut(fitted),
    complete: fitted.every((field) => field.cut === undefined && field.whole && field.label.length <= MAX_LABEL),
  };
}

/** The tool's name, encoded; of an MCP server's tool both parts. */
function toolTitle({ input }: ApprovalRequest): string {
  const mcp = mcpName(input);
  return mcp === undefined
    ? encodeInline(input.tool_name ?? '')
    : mcpTitle(encodeInline(mcp.tool), encodeInline(mcp.server));
}

function startOf(field: Field | undefined): string {
  const shown = field?.shown ?? '';
  return shown.slice(0, cutBefore(shown, PREVIEW)).replaceAll(/\s+/g, ' ');
}

function noteElements({ input }: ApprovalRequest, fields: readonly Field[]): RichTextBlock['elements'] {
  const hidden = fields.reduce((sum, field) => sum + field.hidden, countHidden(input.tool_name ?? ''));
  const mixed = new Set(
    [input.tool_name ?? '', ...fields.flatMap(({ label, shown }) => [label, shown])]
      .filter((shown) => shown.length <= FULL_BUDGET)
      .flatMap((shown) => mixedWords(shown, MAX_MIXED_WORDS)),
  );
  const words = [...mixed].slice(0, MAX_MIXED_WORDS).map((word) => shorten(spellOut(word), MAX_MIXED_WORD));
  return [
    ...(Object.keys(input.tool_input ?? {}).length === 0 ? [section([text(WORDS.noInput)])] : []),
    ...(hidden > 0 ? [section([bold(hiddenWarning(hidden))])] : []),
    ...(words.length > 0
      ? [section([bold(MIXED_SCRIPTS), ...words.flatMap((word) => [...code(word), text(' ')])])]
      : []),
  ];
}

/** A field with the sentence below it. */
function fieldElements(field: FittedField): RichTextBlock['elements'] {
  const remark = field.remark === undefined ? [] : [section([italic(field.remark)])];
  return [...valueElements(field), ...remark];
}

function valueElements(field: FittedField): RichTextBlock['elements'] {
  const label = [
    bold(shorten(field.label, MAX_LABEL)),
    ...(field.note === undefined ? [] : [text(` (${field.note})`)]),
  ];
  if (field.cut !== undefined) {
    const { head, tail, characters, lines } = field.cut;
    const gap = section([bold(characters === 0 ? WORDS.unchangedLeft : leftOut(characters, lines))]);
    return [section([...label, text(` · ${length(field.length)}`)]), ...box(head), gap, ...box(tail)];
  }
  if (field.shown === '') return [section([...label, text(': '), italic(WORDS.empty)])];
  if (field.style === 'line') return [section([...label, text(': '), ...code(field.shown)])];
  const { above, below } = field.around ?? { above: '', below: '' };
  const content = [above, field.shown, below].filter((part) => part !== '').join('\n');
  const size = field.isDiff === true ? [] : [text(` · ${length(field.length)}`)];
  return [section([...label, ...size]), ...box(content)];
}

/** Where the call comes from, at a glance. */
function originLine({ agent, input }: ApprovalRequest, host: string, branch: string | undefined): RichTextElement[] {
  const agentType = typeof input.agent_type === 'string' ? input.agent_type : undefined;
  return labelled([
    [LABELS.project, projectName(input.cwd)],
    [LABELS.host, host],
    [LABELS.branch, branch],
    [AGENTS[agent], input.permission_mode],
    [LABELS.agent, agentType],
  ]);
}

/** What finds this call again in logs. */
function traceLine({ input, digest }: ApprovalRequest): RichTextElement[] {
  return labelled([
    [LABELS.session, input.session_id.slice(0, SESSION_SHOWN)],
    [LABELS.digest, digest.slice(0, DIGEST_SHOWN)],
  ]);
}

function labelled(parts: readonly (readonly [string, string | undefined])[]): RichTextElement[] {
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

/** Static words, the tool, the project and the start of the call: nothing in it can be markup. */
function notification(before: string, { input }: ApprovalRequest, { start }: CardBody): string {
  const project = shorten(encodeInline(projectName(input.cwd)), MAX_PROJECT_IN_TEXT);
  const whole = notice(before, project, start);
  if (harmless(whole).length <= MAX_TEXT) return harmless(whole);
  let kept = Math.min(whole.length, MAX_TEXT);
  while (harmless(whole.slice(0, kept)).length >= MAX_TEXT) kept = cutBefore(whole, kept - 1);
  return `${harmless(whole.slice(0, kept))}…`;
}

/** Slack's three escapes; a backtick has none, so a look-alike takes its place. */
function harmless(markup: string): string {
  return markup.replaceAll('`', 'ˋ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function actions(value: string, complete: boolean): ActionsBlock {
  const button = (
    actionId: string,
    label: string,
    style: 'primary' | 'danger' | undefined,
    spoken: string,
  ): Button => ({
    type: 'button',
    action_id: actionId,
    text: { type: 'plain_text', text: label, emoji: false },
    ...(style === undefined ? {} : { style }),
    value,
    accessibility_label: spoken,
  });
  const approve = complete ? [button(APPROVE_ACTION, WORDS.approve, 'primary', WORDS.approveLabel)] : [];
  return {
    type: 'actions',
    block_id: DECIDE_BLOCK,
    elements: [
      ...approve,
      button(DENY_ACTION, WORDS.deny, 'danger', WORDS.denyLabel),
      button(DENY_REASON_ACTION, WORDS.denyWithReason, undefined, WORDS.denyWithReasonLabel),
    ],
  };
}
