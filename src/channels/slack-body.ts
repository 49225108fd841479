/** What asking and closed cards have in common: where a call comes from, the call itself, what the agent says about it, and warnings. */
import type { RichTextBlock, RichTextElement, RichTextText } from '@slack/types';
import { createMasker, type Masker } from '../secrets.ts';
import type { ApprovalRequest } from '../types.ts';
import {
  bold,
  box,
  code,
  costOfBlocks,
  italic,
  type RichTextPart,
  richText,
  section,
  shorten,
  text,
} from './slack-elements.ts';
import { type Field, textField } from './slack-field.ts';
import { fieldsOf, mcpName } from './slack-fields.ts';
import { type FittedField, fitSomehow } from './slack-fit.ts';
import { maskField, maskFields } from './slack-mask.ts';
import { costOfQuestions, questionTexts } from './slack-question-card.ts';
import { type Question, questionsOf } from './slack-questions.ts';
import { projectName, type Surroundings } from './slack-surroundings.ts';
import { countHidden, cutBefore, encodeInline, mixedWords, spellOut } from './visible.ts';
import {
  AGENTS,
  hiddenWarning,
  LABELS,
  leftOut,
  length,
  MIXED_SCRIPTS,
  maskedNote,
  mcpTitle,
  WORDS,
} from './wording.ts';

/**
 * Slack refuses messages with more than about 13,200 characters over all blocks, and was seen to refuse 11,341
 * (bolt-js issues 2509 and 2867); the limit is undocumented, so stay well below.
 */
const FULL_BUDGET = 9_000;
/** Of it, what questions with their controls may take: they are never cut. */
const MAX_ASKED = 7_500;
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
/** More characters of the call than a notification has. */
const PREVIEW = 160;
const MAX_MIXED_WORDS = 3;
const MAX_MIXED_WORD = 40;
const DIGEST_SHOWN = 12;
const SESSION_SHOWN = 8;

export interface BodyOptions {
  readonly host: string;
  /** 'short' never offers an approval. Default 'full'. */
  readonly size?: 'full' | 'short';
  /** What the disk adds; the tool input is shown in full without it. */
  readonly surroundings?: Surroundings;
  /** Default: what is masked without rules of the user's own. */
  readonly masker?: Masker;
}

export interface CardBody {
  /** The tool's name as it stands in titles. */
  readonly tool: string;
  /** How the call starts, for notifications; encoded and masked. */
  readonly start: string;
  /** The project's name, as `start`. */
  readonly project: string;
  /** Where the call comes from. */
  readonly origin: RichTextBlock;
  /** The call, what the agent says about it, and warnings. */
  readonly call: readonly RichTextBlock[];
  /** How many of the first blocks of `call` are questions. */
  readonly askedBlocks: number;
  /** What is asked, when answers are wanted; their controls are blocks of their own (slack-question-card.ts). */
  readonly questions: readonly Question[] | undefined;
  /** Every field in full, masked: what goes into a file or over pages when it does not fit. */
  readonly fields: readonly Field[];
  /** Whether the blocks show the whole request. */
  readonly complete: boolean;
  /** Whether all of it can be shown somewhere: nothing is unsayable, and nothing that could be run hides behind a mask. */
  readonly isSayable: boolean;
  /** Invisible characters, or words of mixed alphabets. */
  readonly isDeceptive: boolean;
}

export function renderBody(request: ApprovalRequest, options: BodyOptions): CardBody {
  const { host, size, surroundings = {} } = options;
  const masker = options.masker ?? createMasker({ known: request.secrets });
  const mask = (shown: string): string => masker.mask(shown).text;
  const answerable = askedQuestions(request);
  const cost = answerable === undefined ? 0 : costOfQuestions(answerable, mask);
  // Questions are never cut: those that do not fit are fields, which are.
  const questions = size === 'short' || cost > MAX_ASKED ? undefined : answerable;
  const asked = questions === undefined ? [] : questionTexts(questions, mask);
  const masking = maskFields(allFields(request, surroundings, questions !== undefined), masker, surroundings.file);
  const tool = mask(toolTitle(request));
  const { fields } = masking;
  const origin = richText([section(originLine(request, host, surroundings.branch, mask))]);
  const warnings = warningsOf(request, [...wordsIn(questions ?? [], mask), ...fields], tool);
  const notes = [...warnings, ...maskedNotes(request, masker, masking.isOpaque)];
  const layOut = (shown: readonly FittedField[]): RichTextBlock[] => {
    const comments = shown.filter((field) => field.isComment === true);
    return [
      ...richBlocks(shown.filter((field) => field.isComment !== true)),
      richText([...shown.filter(isPlain).flatMap(fieldElements), section(traceLine(request))]),
      ...(comments.length > 0 ? [richText(comments.flatMap(fieldElements))] : []),
      ...(notes.length > 0 ? [richText(notes)] : []),
    ];
  };
  const budgetOf = (shown: readonly Field[]): number => {
    const frame = costOfBlocks([
      origin,
      ...layOut(shown.map(({ around: _around, rich: _rich, ...field }) => ({ ...field, shown: '' }))),
    ]);
    const most = (size === 'short' ? SHORT_BUDGET : FULL_BUDGET) - (questions === undefined ? 0 : cost);
    return Math.max(0, most - frame - FRAME - FRAME_PER_FIELD * shown.length);
  };
  const fitted = fitSomehow(fields, budgetOf);
  const isUncut = fitted.every(({ cut }) => cut === undefined);
  const isWhole = fields.every((field) => field.whole && field.label.length <= MAX_LABEL);
  const isSayable = isWhole && !masking.isOpaque && (answerable !== undefined || request.offers.form !== 'questions');
  return {
    tool: shorten(tool, MAX_TOOL_IN_TITLE) || WORDS.unknownTool,
    start: startOf(fields.find(({ isNamed }) => isNamed !== true)),
    project: mask(encodeInline(projectName(request.input.cwd))),
    origin,
    call: [...asked, ...layOut(fitted)],
    askedBlocks: asked.length,
    questions,
    fields,
    complete: size !== 'short' && isSayable && isUncut && questions === answerable,
    isSayable,
    isDeceptive: warnings.some((part) => part !== NO_INPUT),
  };
}

/** What is not understood as questions is shown like any input, and cannot be answered here. */
function askedQuestions({ offers, input }: ApprovalRequest): readonly Question[] | undefined {
  return offers.form === 'questions' ? questionsOf(input.tool_input ?? {}) : undefined;
}

/** `isAsked`: the questions are shown as such, and are no field. */
function allFields(request: ApprovalRequest, surroundings: Surroundings, isAsked: boolean): readonly Field[] {
  const { input, offers } = request;
  if (offers.form === 'stop') return stopFields(request);
  const { questions: _questions, ...beside } = input.tool_input ?? {};
  const call = fieldsOf(isAsked ? { ...input, tool_input: beside } : input, surroundings.file);
  return [
    ...call,
    ...(toolTitle(request).length > MAX_TOOL_IN_TITLE ? [textField(LABELS.tool, input.tool_name ?? '', 'line')] : []),
    textField(LABELS.directory, input.cwd, 'line'),
  ];
}

function stopFields({ input }: ApprovalRequest): readonly Field[] {
  const words = input.last_assistant_message;
  return typeof words === 'string' && words.trim() !== '' ? [textField(LABELS.lastWords, words, 'box')] : [];
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

const NO_INPUT = section([text(WORDS.noInput)]);

/** The texts of questions, as far as warnings look at them. */
function wordsIn(questions: readonly Question[], mask: (shown: string) => string): readonly Field[] {
  const words = questions.flatMap(({ text: asked, header, options }) => [
    ...[asked, header],
    ...options.flatMap(({ label, description, preview = '' }) => [label, description, preview]),
  ]);
  return words.map((word) => maskField(textField('', word, 'box'), mask));
}

/** `tool`: as it is shown. */
function warningsOf({ input, offers }: ApprovalRequest, fields: readonly Field[], tool: string): RichTextPart[] {
  const hidden = fields.reduce((sum, field) => sum + field.hidden, countHidden(input.tool_name ?? ''));
  const mixed = new Set(
    [tool, ...fields.flatMap(({ label, shown }) => [label, shown])]
      .filter((shown) => shown.length <= FULL_BUDGET)
      .flatMap((shown) => mixedWords(shown, MAX_MIXED_WORDS)),
  );
  const words = [...mixed].slice(0, MAX_MIXED_WORDS).map((word) => shorten(spellOut(word), MAX_MIXED_WORD));
  return [
    ...(Object.keys(input.tool_input ?? {}).length === 0 && offers.form !== 'stop' ? [NO_INPUT] : []),
    ...(hidden > 0 ? [section([bold(hiddenWarning(hidden))])] : []),
    ...(words.length > 0
      ? [section([bold(MIXED_SCRIPTS), ...words.flatMap((word) => [...code(word), text(' ')])])]
      : []),
  ];
}

function maskedNotes({ offers }: ApprovalRequest, masker: Masker, isOpaque: boolean): RichTextPart[] {
  const count = masker.count();
  const runs = offers.form !== 'stop';
  if (count === 0) return [];
  const why = isOpaque && runs ? [section([bold(WORDS.opaque)])] : [];
  return [section([italic(maskedNote(count, masker.kinds(), runs))]), ...why];
}

/** What is laid out as its Markdown means could imitate our labels, so it stands in blocks of its own. */
function richBlocks(fields: readonly FittedField[]): RichTextBlock[] {
  return fields.flatMap((field) => {
    if (isPlain(field) || field.rich === undefined) return [];
    const { rich, ...plain } = field;
    return [richText([section(labelOf(plain))]), richText([...rich])];
  });
}

function isPlain({ rich, cut, isComment }: FittedField): boolean {
  return isComment !== true && (rich === undefined || cut !== undefined);
}

/** A field with the sentence below it. */
export function fieldElements(field: FittedField): RichTextPart[] {
  const remark = field.remark === undefined ? [] : [section([italic(field.remark)])];
  return [...valueElements(field), ...remark];
}

function valueElements(field: FittedField): RichTextPart[] {
  const label = labelOf(field);
  if (field.cut !== undefined) {
    const { head, tail, characters, lines } = field.cut;
    const gap = section([bold(characters === 0 ? WORDS.unchangedLeft : leftOut(characters, lines))]);
    return [section([...label, text(` · ${length(field.length)}`)]), ...box(head), gap, ...box(tail)];
  }
  if (field.shown === '') return [section([...label, text(': '), italic(WORDS.empty)])];
  if (field.style === 'line') return [section([...label, text(': '), ...code(field.shown)])];
  const size = field.isDiff === true ? [] : [text(` · ${length(field.length)}`)];
  const { above, below } = field.around ?? { above: '', below: '' };
  const content = [above, field.shown, below].filter((part) => part !== '').join('\n');
  return [section([...label, ...size]), ...box(content)];
}

function labelOf({ label, note }: Field): RichTextText[] {
  return [bold(shorten(label, MAX_LABEL)), ...(note === undefined ? [] : [text(` (${note})`)])];
}

/** Where the call comes from, at a glance. */
function originLine(
  { agent, input }: ApprovalRequest,
  host: string,
  branch: string | undefined,
  mask: (shown: string) => string,
): RichTextElement[] {
  const agentType = typeof input.agent_type === 'string' ? input.agent_type : undefined;
  return labelled(
    [
      [LABELS.project, projectName(input.cwd)],
      [LABELS.host, host],
      [LABELS.branch, branch],
      [`${AGENTS[agent]} · ${LABELS.mode}`, input.permission_mode],
      [LABELS.agent, agentType],
    ],
    mask,
  );
}

/** What finds this call again in logs. */
function traceLine({ input, digest }: ApprovalRequest): RichTextElement[] {
  return labelled([
    [LABELS.session, input.session_id.slice(0, SESSION_SHOWN)],
    [LABELS.digest, digest.slice(0, DIGEST_SHOWN)],
  ]);
}

/** Names with their values, encoded; those without a value are left out. */
export function labelled(
  parts: readonly (readonly [string, string | undefined])[],
  mask: (shown: string) => string = (shown) => shown,
): RichTextElement[] {
  return parts
    .filter((part): part is readonly [string, string] => part[1] !== undefined && part[1] !== '')
    .flatMap(([label, value], index) => [
      text(`${index === 0 ? '' : ' · '}${label} `),
      ...code(shorten(mask(encodeInline(value)), MAX_ORIGIN)),
    ]);
}
