/** Every sentence of the modals. As in wording.ts, nothing here may hold text of an agent: callers add that in elements of its own. */
import type { PermissionScope } from '../types.ts';
import { length, lines } from './wording.ts';

export const FORMS = {
  allow: 'Allow',
  close: 'Close',

  editTitle: 'Edit & approve',
  editIntro: 'What stands here when you approve is what will run, with ',
  editSecrets:
    'Each ⟦masked …⟧ stands for a secret. Leave it whole, move it or delete it: the agent gets the real value.',
  jsonHint: 'JSON',
  locked: 'Not editable here, stays as it is: ',
  lockedWhy: {
    control: 'holds control characters',
    hidden: 'holds characters that are invisible or change the direction of text',
    blank: 'is nothing but blank space',
    marks: 'holds ⟦ of its own',
    unsayable: 'cannot be written as text',
    name: 'has too long a name',
  },
  emptied: 'This may not be empty. To stop the call, deny it.',
  notJson: 'This is no valid JSON.',
  brokenMarker: 'A ⟦masked …⟧ was changed. Leave each one whole, or delete it.',

  alwaysTitle: 'Always allow',
  alwaysIntro: 'This call is approved, and the agent does not ask about calls that match the rule any more.',
  ruleLabel: 'Rule',
  scopeLabel: 'Where the rule holds',
  projectWarning:
    'Rules for a project are written to a file in the repository. The one for everybody reaches all who use it, by git.',
  noRule: 'Choose one of the rules.',
  noScope: 'Choose where the rule holds.',

  grantTitle: 'Allow for a while',
  grantIntro: ['This approves the waiting call of ', '. '],
  grantMeaning:
    'While it lasts, calls that match run without being asked. Unless it is for this exact call, what may do harm is still asked. ',
  grantPlace: 'It holds in this directory and below, in every session, until it ends. You can revoke it in the thread.',
  durationLabel: 'For how long',
  noDuration: 'Choose one of the times.',
  // At most 75 characters each, as for the scopes.
  anyCommand: 'Plain ones such as ls, git status and npm test; all others are asked',
  anyCall: 'Files in this directory and below, but none that may do harm',
  noCandidates: 'There is no rule that fits this call.',

  noHistory: 'no earlier requests to compare with',

  back: 'Back',
  next: 'Next',
  continued: 'continued',
  longName: 'Name of the next field',
  notAllSeen: 'Approve appears here once you have seen every page.',
  notWhole: 'Something in this call cannot be shown, so it cannot be approved here. Answer at the terminal.',
  allShown: 'This is everything: ',
} as const;

/** At most 75 characters each (option objects, Block Kit reference). */
export const SCOPES: Readonly<Record<PermissionScope, { readonly text: string; readonly description: string }>> = {
  session: { text: 'This session', description: 'Ends with it; written to no file' },
  localSettings: { text: 'This project, only me', description: 'Written to .claude/settings.local.json' },
  projectSettings: {
    text: 'This project, everybody',
    description: 'Written to .claude/settings.json, which git shares with others',
  },
  userSettings: { text: 'All my projects', description: 'Written to ~/.claude/settings.json' },
};

/** What a JSON value is, in words. */
export const KINDS = {
  null: 'null',
  boolean: 'true or false',
  number: 'a number',
  string: 'a text in quotes',
  array: 'a list',
  object: 'an object',
} as const;

export function lockedLong(characters: number, most: number): string {
  return `is too long for Slack (${length(characters)}; at most ${most.toLocaleString('en')})`;
}

export function wrongKind(was: keyof typeof KINDS): string {
  return `This was ${KINDS[was]} and must stay one.`;
}

export function hiddenEntered(count: number): string {
  const what = count === 1 ? 'character that is' : 'characters that are';
  const how = count === 1 ? 'changes' : 'change';
  return `This holds ${count.toLocaleString('en')} ${what} invisible or ${how} the direction of text. Type it anew.`;
}

/** What the record says about a rule. */
export function wouldHaveMatched(matched: number, outOf: number): string {
  if (outOf === 0) return FORMS.noHistory;
  const of = outOf === 1 ? 'the last request' : `the last ${outOf.toLocaleString('en')} requests`;
  return `would have matched ${matched.toLocaleString('en')} of ${of}`;
}

/** Before the calls themselves; `isAll` is whether they are all that were denied. */
export function deniedOfThem(count: number, isAll: boolean): string {
  return `; ${isAll ? '' : 'at least '}${count} of them ${count === 1 ? 'was' : 'were'} denied: `;
}

/** The same in one option's description: at most 75 characters. */
export function matchedInShort(matched: number, outOf: number, denied: number): string {
  if (outOf === 0) return FORMS.noHistory;
  const words = `${matched.toLocaleString('en')} of the last ${outOf.toLocaleString('en')} requests`;
  return denied === 0 ? words : `${words}; some denied`;
}

export function rulesLeftOut(count: number): string {
  return `${count === 1 ? 'One rule is' : `${count} rules are`} left out here: too long or too many to be shown in full.`;
}

export function forMinutes(minutes: number): string {
  if (minutes < 60) return `${minutes} minutes`;
  return minutes === 60 ? '1 hour' : `${minutes / 60} hours`;
}

/** At most 24 characters, up to 99,999 pages. */
export function pageTitle(page: number, of: number): string {
  return `Page ${page} of ${of}`;
}

export function everything(characters: number, lineCount: number): string {
  return `${FORMS.allShown}${length(characters)}, ${lines(lineCount)}, digest `;
}
