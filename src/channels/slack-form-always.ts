/** "Always…": the modal that makes a rule of the agent's own, and what comes back from it; also how rules are offered in any modal. */
import type { InputBlock, ModalView, RadioButtons, RichTextBlock, RichTextElement } from '@slack/types';
import type { Candidate, PermissionScope } from '../types.ts';
import { bold, code, costOfBlocks, richText, section, shorten, text } from './slack-elements.ts';
import {
  answerOf,
  type Filled,
  type FormOrigin,
  type FormResult,
  formView,
  INPUT_ACTION,
  plain,
} from './slack-form.ts';
import { encodeInline } from './visible.ts';
import { WORDS } from './wording.ts';
import { deniedOfThem, FORMS, matchedInShort, rulesLeftOut, SCOPES, wouldHaveMatched } from './wording-forms.ts';

export const ALWAYS_VIEW = 'csh_always';
const RULE_BLOCK = 'csh_always_rule';
const SCOPE_BLOCK = 'csh_always_scope';
const DEFAULT_SCOPE: PermissionScope = 'session';

/** Radio buttons: 10 options of 75 characters with a description of 75 (Block Kit reference). */
const MAX_OPTIONS = 10;
const MAX_OPTION = 75;
const MAX_DENIED = 120;
/** As many calls as a candidate names; there may be more of them. */
const DENIED_KEPT = 5;
/** What the rules may cost together, so that with all around them a modal stays as small as a card may be. */
const RULES_BUDGET = 6_000;

/** Masks secrets in text that is encoded already. */
export type Mask = (shown: string) => string;

/** The rules of a modal, in full above and to choose from below. */
export interface RuleChoice {
  readonly list: RichTextBlock;
  readonly input: InputBlock;
}

/**
 * The modal; undefined when no rule can be offered. A rule with a secret in its text is none: it would be written to
 * a file that others read.
 */
export function renderAlwaysForm(
  origin: FormOrigin,
  candidates: readonly Candidate[],
  mask: Mask,
): ModalView | undefined {
  const permanent = candidates.filter((candidate) => rulesOf(candidate) !== undefined && !isMasked(candidate, mask));
  const choice = ruleChoice(RULE_BLOCK, permanent, mask);
  if (choice === undefined) return undefined;
  return formView(ALWAYS_VIEW, origin, { title: FORMS.alwaysTitle, submit: FORMS.allow }, [
    richText([section([text(FORMS.alwaysIntro)])]),
    choice.list,
    choice.input,
    scopeInput(),
    richText([section([bold(FORMS.projectWarning)])]),
  ]);
}

/** An approval with the rule. `candidates` are those of now: a rule is never taken from the modal itself. */
export function readAlwaysForm(filled: Filled, candidates: readonly Candidate[]): FormResult {
  const rules = rulesOf(chosenRule(filled, RULE_BLOCK, candidates));
  const [scope] = filled.chosen(SCOPE_BLOCK);
  if (rules === undefined) return { errors: { [RULE_BLOCK]: FORMS.noRule } };
  if (!isScope(scope)) return { errors: { [SCOPE_BLOCK]: FORMS.noScope } };
  const updatedPermissions = [{ type: 'addRules', rules, behavior: 'allow', destination: scope }] as const;
  return { answer: answerOf(filled, { decision: 'allow', updatedPermissions }) };
}

/** At most 10 rules, those that can be shown in full; undefined when there is none. */
export function ruleChoice(blockId: string, candidates: readonly Candidate[], mask: Mask): RuleChoice | undefined {
  const shown = fitting(candidates, mask);
  const [first] = shown;
  if (first === undefined) return undefined;
  const isOnly = shown.length === 1;
  const numbered = (index: number): string => (isOnly ? '' : `${index + 1}. `);
  const options = shown.map((candidate, index) => ({
    text: plain(shorten(`${numbered(index)}${ruleText(candidate, mask)}`, MAX_OPTION)),
    value: candidate.id,
    description: plain(describe(candidate)),
  }));
  const [only] = options;
  const element: RadioButtons = {
    type: 'radio_buttons',
    action_id: INPUT_ACTION,
    options,
    ...(isOnly && only !== undefined ? { initial_option: only } : {}),
  };
  const leftOut = candidates.length - shown.length;
  return {
    list: richText([
      ...shown.map((candidate, index) =>
        section([text(numbered(index)), ...ruleLine(candidate, mask)].filter(hasText)),
      ),
      ...(leftOut > 0 ? [section([text(rulesLeftOut(leftOut))])] : []),
    ]),
    input: { type: 'input', block_id: blockId, label: plain(FORMS.ruleLabel), element },
  };
}

/** The rule that was chosen among those of now. */
export function chosenRule(filled: Filled, blockId: string, candidates: readonly Candidate[]): Candidate | undefined {
  const [id] = filled.chosen(blockId);
  return candidates.find((candidate) => candidate.id === id);
}

/** The agent's own rules that a candidate stands for; undefined when it is none that lasts. */
function rulesOf(candidate: Candidate | undefined) {
  return candidate?.isPermanent === true && candidate.rule.kind === 'permission' ? candidate.rule.rules : undefined;
}

function isMasked({ text: rule }: Candidate, mask: Mask): boolean {
  const shown = encodeInline(rule);
  return mask(shown) !== shown;
}

/** A rule that is not shown to its end is not offered. */
function fitting(candidates: readonly Candidate[], mask: Mask): readonly Candidate[] {
  let left = RULES_BUDGET;
  return candidates
    .filter((candidate) => {
      const cost = costOfBlocks(ruleLine(candidate, mask));
      if (cost > left) return false;
      left -= cost;
      return true;
    })
    .slice(0, MAX_OPTIONS);
}

function ruleText({ text: rule }: Candidate, mask: Mask): string {
  return mask(encodeInline(rule)) || WORDS.empty;
}

/** The rule, then what the record says about it. */
function ruleLine(candidate: Candidate, mask: Mask): RichTextElement[] {
  const { rule, matched, outOf, denied } = candidate;
  const calls = denied.map((call) => code(shorten(mask(encodeInline(call)) || WORDS.empty, MAX_DENIED)));
  return [
    ...code(ruleText(candidate, mask)),
    ...(rule.kind === 'directory' ? [text(' '), bold(directoryWords(rule.tool))] : []),
    text(`\n${wouldHaveMatched(matched, outOf)}`),
    ...(denied.length > 0 ? [text(deniedOfThem(denied.length, denied.length < DENIED_KEPT))] : []),
    ...calls.flatMap((call, index) => (index === 0 ? call : [text(', '), ...call])),
  ];
}

function describe({ rule, matched, outOf, denied }: Candidate): string {
  return rule.kind === 'directory' ? directoryWords(rule.tool) : matchedInShort(matched, outOf, denied.length);
}

function directoryWords(tool: string): string {
  return tool === 'Bash' ? FORMS.anyCommand : FORMS.anyCall;
}

/** Slack refuses empty text elements. */
function hasText(element: RichTextElement): boolean {
  return element.type !== 'text' || element.text !== '';
}

function scopeInput(): InputBlock {
  const options = Object.entries(SCOPES).map(([value, words]) => ({
    text: plain(words.text),
    value,
    description: plain(words.description),
  }));
  const initial = options.find(({ value }) => value === DEFAULT_SCOPE);
  return {
    type: 'input',
    block_id: SCOPE_BLOCK,
    label: plain(FORMS.scopeLabel),
    element: {
      type: 'radio_buttons',
      action_id: INPUT_ACTION,
      options,
      ...(initial === undefined ? {} : { initial_option: initial }),
    },
  };
}

function isScope(value: string | undefined): value is PermissionScope {
  return value !== undefined && Object.hasOwn(SCOPES, value);
}
