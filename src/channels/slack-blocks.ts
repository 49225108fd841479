/** Layout: a request, or how it ended, as Block Kit. Text of an agent only ever goes into rich text and plain text elements. */
import type { KnownBlock } from '@slack/types';
import { createMasker } from '../secrets.ts';
import type { ApprovalRequest, Outcome, Run } from '../types.ts';
import { type BodyOptions, type CardBody, renderBody } from './slack-body.ts';
import { decideBlock } from './slack-buttons.ts';
import { bold, header, italic, type RichTextPart, richText, section, shorten, text } from './slack-elements.ts';
import { outcomeElements, person } from './slack-outcome.ts';
import { type Draft, emptyDraft, needsSend } from './slack-question-answers.ts';
import { questionBlocks } from './slack-question-card.ts';
import { buttonValue } from './slack-values.ts';
import { askTitle, notice, repliesNote, WORDS } from './wording.ts';
import { endedTitle } from './wording-ended.ts';

/** Push notifications show about this much. */
const MAX_TEXT = 150;
/** So much of the call itself is there, however long the names before it are. */
const MIN_START = 80;
const MAX_PROJECT_IN_TEXT = 30;

export interface CardOptions extends BodyOptions {
  /** Which daemon a click belongs to. */
  readonly instanceId: string;
  /** The body as it was rendered before. Default: rendered now. */
  readonly body?: CardBody;
  /** Whether what does not fit into blocks was attached as a file, where people can read it. */
  readonly isAttached?: boolean;
  /** What has been chosen so far. */
  readonly draft?: Draft;
  /** Who has approved already, when several must. */
  readonly countedBy?: readonly string[];
  /** Whether it is shown here because nobody has answered elsewhere. */
  readonly isEscalated?: boolean;
}

export interface ClosedOptions extends Omit<CardOptions, 'instanceId'> {
  /** What became of the call. */
  readonly run?: Run;
}

export interface Rendered {
  readonly blocks: KnownBlock[];
  /** For notifications; Slack reads it as mrkdwn. */
  readonly text: string;
  /** Whether people can read the whole request here. */
  readonly complete: boolean;
  readonly body: CardBody;
}

/** The card that asks. Without `complete` there is no Approve button. */
export function renderCard(request: ApprovalRequest, options: CardOptions): Rendered {
  const { isAttached = false, countedBy = [], isEscalated = false } = options;
  const body = options.body ?? renderBody(request, options);
  const { form } = request.offers;
  const complete = form === 'stop' || body.complete || (body.isSayable && isAttached && form !== 'questions');
  const canShowAll = body.isSayable && !body.complete && form !== 'questions' && form !== 'stop';
  const title = askTitle(request.agent, form, body.tool, complete || canShowAll);
  const notes = [
    ...lengthNotes(body, complete, canShowAll, isAttached),
    ...(isEscalated ? [section([italic(WORDS.escalated)])] : []),
    ...countNotes(request, countedBy),
  ];
  const value = buttonValue(request, options.instanceId);
  const questions = complete ? body.questions : undefined;
  return {
    blocks: [
      header(title),
      body.origin,
      ...(questions === undefined
        ? body.call
        : [...controls(request, questions, value, options), ...callWithoutQuestions(body)]),
      ...(notes.length > 0 ? [richText(notes)] : []),
      decideBlock(request, value, { complete, canShowAll, needsSend: questions !== undefined && needsSend(questions) }),
    ],
    text: notification(form === 'permission' && complete ? body.tool : title, body),
    complete,
    body,
  };
}

/** The card after the end: no buttons, what happened, and still what it was about. */
export function renderClosed(request: ApprovalRequest, outcome: Outcome, options: ClosedOptions): Rendered {
  const body = options.body ?? renderBody(request, options);
  const masker = options.masker ?? createMasker({ known: request.secrets });
  const isEdited =
    request.offers.form === 'permission' && 'updatedInput' in outcome && outcome.updatedInput !== undefined;
  const title = endedTitle(outcome.kind, body.tool, request, isEdited);
  const asked = isEdited ? [section([bold(WORDS.askedFor)])] : [];
  return {
    blocks: [
      header(title),
      richText([...outcomeElements(request, outcome, masker, options.run), ...asked]),
      body.origin,
      ...body.call,
    ],
    text: notification(title, body),
    complete: body.complete,
    body,
  };
}

/** Static words, the tool, the project and the start of the call: nothing in it can be markup. */
function notification(before: string, { project, start }: CardBody): string {
  const named = shorten(project, MAX_PROJECT_IN_TEXT);
  const whole = notice(before, named, start);
  return harmlessText(whole, Math.max(MAX_TEXT, whole.length - start.length + MIN_START + 1));
}

/** At most so many characters, which Slack shows as they are. */
export function harmlessText(whole: string, most = MAX_TEXT): string {
  return harmless(shorten(whole, most));
}

/** Slack's three escapes; a backtick has none, so a look-alike takes its place. */
function harmless(markup: string): string {
  return markup.replaceAll('`', 'ˋ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function controls(
  request: ApprovalRequest,
  questions: NonNullable<CardBody['questions']>,
  value: string,
  { draft, masker }: CardOptions,
): KnownBlock[] {
  const used = masker ?? createMasker({ known: request.secrets });
  return questionBlocks(questions, draft ?? emptyDraft(questions), value, (shown) => used.mask(shown).text);
}

/** What the controls show already is not shown twice. */
function callWithoutQuestions({ call, askedBlocks }: CardBody): readonly KnownBlock[] {
  return call.slice(askedBlocks);
}

function lengthNotes(body: CardBody, complete: boolean, canShowAll: boolean, isAttached: boolean): RichTextPart[] {
  if (canShowAll && isAttached) return [section([text(WORDS.attached)])];
  if (complete) return [];
  return [section([bold(canShowAll ? WORDS.long : body.isSayable ? WORDS.tooLong : WORDS.notSayable)])];
}

function countNotes({ agent, needed, replies, offers }: ApprovalRequest, countedBy: readonly string[]): RichTextPart[] {
  if (offers.form === 'stop')
    return replies === undefined || replies.inARow === 0 ? [] : [section([italic(repliesNote(agent, replies))])];
  if (needed < 2) return [];
  if (countedBy.length === 0) return [section([italic(WORDS.twoNeeded)])];
  return [
    section([bold(WORDS.approvedSoFar), ...countedBy.flatMap((by) => [person(by), text(' ')]), text(WORDS.oneMore)]),
  ];
}
