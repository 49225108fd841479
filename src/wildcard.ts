/** Texts with `*`: the one kind of pattern that rules have for arguments and tools. No regular expressions, so nothing backtracks. */

/**
 * `strict` is for what permits: upper and lower case differ and `*` stays within a line. `liberal` is for what
 * forbids: neither matters.
 */
export type Strictness = 'strict' | 'liberal';

/**
 * Whether the whole text is of the pattern: `*` is any run of characters, also none; everything else stands for itself.
 * Takes time in proportion to the text for each literal of the pattern.
 */
export function matchesWildcard(pattern: string, text: string, strictness: Strictness): boolean {
  if (strictness === 'liberal') return matchesRuns(pattern.toLowerCase(), text.toLowerCase());
  // No `*` may take in a line break: those of the pattern and of the text are the same ones, and the lines pair up.
  const patterns = pattern.split('\n');
  const lines = text.split('\n');
  return patterns.length === lines.length && patterns.every((line, index) => matchesRuns(line, lines[index] ?? ''));
}

/** Whether a pattern stands for one text alone. */
export function isLiteral(pattern: string): boolean {
  return !pattern.includes('*');
}

/** Whether a pattern lets everything through. */
export function isAnything(pattern: string): boolean {
  return /^\*+$/.test(pattern);
}

/** The same where lines do not matter, and case does. The leftmost place for each literal is enough: what follows only gets more room. */
export function matchesRuns(pattern: string, text: string): boolean {
  const literals = pattern.split('*');
  const first = literals[0] ?? '';
  if (literals.length === 1) return text === pattern;
  const last = literals[literals.length - 1] ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = text.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return true;
}
