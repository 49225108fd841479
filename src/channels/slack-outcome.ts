/** How a request ended, in words: who, when, after how long, and what came of it. */
import type { RichTextElement } from '@slack/types';
import type { Masker } from '../secrets.ts';
import type { ApprovalRequest, Decided, Outcome, Run } from '../types.ts';
import { fieldElements } from './slack-body.ts';
import { changedFields } from './slack-changed.ts';
import { bold, code, type RichTextPart, section, shorten, text } from './slack-elements.ts';
import { cutBefore, encodeInline, encodeVisible } from './visible.ts';
import { WORDS, waited } from './wording.ts';
import {
  alsoRuled,
  decidedBy,
  grantGiven,
  moreRules,
  ruledBy,
  runFailed,
  runOk,
  SCOPES,
  stopWords,
} from './wording-ended.ts';

const MAX_REASON = 300;
const MAX_NAME = 60;
const MAX_RULE = 200;
/** Of those that one answer made; the agent has all of them. */
const RULES_SHOWN = 3;
/** Of what a failure said. */
const MAX_ERROR = 200;

export function outcomeElements(request: ApprovalRequest, outcome: Outcome, masker: Masker, run?: Run): RichTextPart[] {
  const result = run === undefined ? [] : [section(runLine(request, run, masker))];
  if (outcome.kind !== 'allowed' && outcome.kind !== 'denied') {
    const { reason = '' } = outcome;
    const why = reason === '' ? [] : [text(shorten(masker.mask(encodeInline(reason)).text, MAX_REASON))];
    return [section([...why, ...whenOf(request, outcome)]), ...result];
  }
  return [
    section(decisionLine(request, outcome, masker)),
    ...permissionLines(outcome, masker),
    ...result,
    ...changedFields(request, outcome, masker).flatMap(fieldElements),
  ];
}

/** A person, as Slack shows people; other names as text. */
export function person(by: string): RichTextElement {
  return /^[UW][A-Z0-9]{2,20}$/.test(by)
    ? { type: 'user', user_id: by }
    : text(shorten(encodeInline(by), MAX_NAME) || '?');
}

/** A moment in the reader's own time zone. `format` as Slack's date element takes it. */
export function moment(at: number, format = '{date_short_pretty} {time_secs}'): RichTextElement {
  return { type: 'date', timestamp: Math.floor(at / 1000), format, fallback: new Date(at).toISOString() };
}

export function ruleLine({ rule, by, reason }: Decided, masker: Masker): RichTextElement[] {
  const name = code(shorten(masker.mask(encodeInline(rule ?? '')).text, MAX_RULE) || '?');
  const who = by === 'policy' ? [] : [text(alsoRuled), person(by)];
  const why = reason === undefined ? [] : [text(`: ${shorten(masker.mask(encodeInline(reason)).text, MAX_REASON)}`)];
  return [text(ruledBy(by === 'policy')), ...name, ...who, ...why];
}

function decisionLine(request: ApprovalRequest, outcome: Decided, masker: Masker): RichTextElement[] {
  const { kind, by, also = [], reason = '', rule } = outcome;
  if (rule !== undefined) return ruleLine(outcome, masker);
  const said = shorten(masker.mask(encodeVisible(reason)).text, MAX_REASON);
  const why = reason === '' ? [] : [text('\n'), text(said)];
  const others = also.flatMap((other) => [text(', '), person(other)]);
  const start = request.offers.form === 'stop' ? stopWords(kind) : decidedBy(kind);
  const stop = outcome.interrupt === true ? [text(`\n${WORDS.stopped}`)] : [];
  return [bold(start), person(by), ...others, ...whenOf(request, outcome), ...why, ...stop];
}

function whenOf({ askedAt }: ApprovalRequest, { at }: Outcome): RichTextElement[] {
  return [text(' · '), moment(at), text(` · after ${waited(at - askedAt)}`)];
}

/** What the person told the agent, or us, not to ask again. */
function permissionLines({ updatedPermissions = [], grant }: Decided, masker: Masker): RichTextPart[] {
  const shown = (rule: string): RichTextElement[] =>
    code(shorten(masker.mask(encodeInline(masker.restore(rule) ?? rule)).text, MAX_RULE) || '?');
  const updates = updatedPermissions.map((update) => {
    if (update.type === 'setMode') return section([text(WORDS.editsAccepted)]);
    const rules = update.rules
      .slice(0, RULES_SHOWN)
      .flatMap(({ toolName, ruleContent }) => [
        ...shown(ruleContent === undefined ? toolName : `${toolName}(${ruleContent})`),
        text(' '),
      ]);
    const left = update.rules.length - RULES_SHOWN;
    const more = left > 0 ? [text(moreRules(left))] : [];
    return section([text(WORDS.alwaysFrom), ...rules, ...more, text(SCOPES[update.destination])]);
  });
  if (grant === undefined) return updates;
  return [...updates, section([text(grantGiven(grant.forMs)), ...shown(grant.text)])];
}

function runLine({ input }: ApprovalRequest, { isOk, tookMs, error }: Run, masker: Masker): RichTextElement[] {
  const isBackground = input.tool_input?.run_in_background === true;
  if (isOk) return [text(runOk(input.tool_name === 'Bash', isBackground, tookMs))];
  const [firstLine = ''] = (error ?? '').split('\n').filter((line) => line.trim() !== '');
  const said = masker.mask(encodeInline(firstLine)).text;
  const cut = said.slice(0, cutBefore(said, MAX_ERROR));
  return [bold(runFailed(tookMs)), ...(cut === '' ? [] : [text(' '), ...code(cut)])];
}
