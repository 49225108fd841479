/** Words as a shell would most likely see them. */

/**
 * The words of one part as a shell would most likely see them: quotes and backslashes removed, redirections as words of
 * their own. What a shell would replace stays as it is written.
 */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  for (const [token] of text.matchAll(WORD_OR_REDIRECTION)) {
    words.push(/^[<>]/.test(token) ? token : token.replace(QUOTED, unquoted));
  }
  return words;
}

const WORD_OR_REDIRECTION = /[<>][<>&|]*|(?:\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|[^\s<>])+/g;
const QUOTED = /\$?'([^']*)'|\$?"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])/g;

function unquoted(whole: string, single?: string, double?: string, escaped?: string): string {
  if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
  if (double !== undefined)
    return double.replace(/\\([\\"$`\n])/g, (_pair, char: string) => (char === '\n' ? '' : char));
  // `$'\x72m'` is `rm`: it stays recognisable as something that a shell replaces.
  return whole.startsWith('$') && single?.includes('\\') === true ? whole : (single ?? '');
}
