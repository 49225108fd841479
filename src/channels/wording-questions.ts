/** The sentences around questions that are answered in Slack. Nothing here may hold text of an agent. */

export const QUESTION_WORDS = {
  other: 'Other…',
  otherTitle: 'Another answer',
  otherSubmit: 'Use this answer',
  otherLabel: 'Your answer',
  otherHint: 'The agent is told this word for word.',
  noOther: 'Write an answer, or cancel.',
  dropLabel: 'Instead of an answer',
  dropOption: 'Take my own answer back',
} as const;

/** Before what is chosen, on its button. */
export const CHOSEN = '✓ ';

/** On the button of an answer in the person's own words; `shown` is encoded and short. */
export function otherChosen(shown: string): string {
  return `${CHOSEN}Other: ${shown}`;
}

/** What a screen reader says of the button for one's own words. */
export function otherSpoken(index: number, count: number): string {
  return count === 1 ? 'Answer in your own words' : `Answer question ${index + 1} of ${count} in your own words`;
}

export function hiddenInAnswer(count: number): string {
  const [characters, them] = count === 1 ? ['character', 'it'] : ['characters', 'them'];
  return `This holds ${count.toLocaleString('en')} invisible or direction-changing ${characters}. Write it without ${them}.`;
}

export function answerTooLong(length: number, limit: number): string {
  return `This has ${length.toLocaleString('en')} characters; at most ${limit.toLocaleString('en')} fit.`;
}
