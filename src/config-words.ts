/** What is wrong with a config file, in words for people. */
import type * as v from 'valibot';

/**
 * Names the entry of a config file that is wrong, and what was expected there.
 * @param secret keys of the file whose values are not repeated
 */
export function describeIssue(issue: v.BaseIssue<unknown>, file: string, secret: readonly string[] = []): string {
  const place = placeOf(issue);
  if (place === '') return `Expected ${file} ${issue.message}`;
  if (issue.expected === 'never') return `Unknown key ${place} in ${file}`;
  // The message for a missing key would be the one of the object around it.
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `Expected ${place} in ${file}, got none`;
  const got = secret.some((key) => place.startsWith(key)) ? '' : `, got ${shown(issue.input)}`;
  return `Expected ${place} in ${file} ${issue.message}${got}`;
}

/** `rules[2].decision`. */
function placeOf({ path }: v.BaseIssue<unknown>): string {
  return (path ?? [])
    .map(({ key }, index) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = /^\w+$/.test(String(key)) ? String(key) : JSON.stringify(key);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** Enough of a value to find it, in characters. */
const SHOWN = 60;

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > SHOWN ? `${json.slice(0, SHOWN)}…` : json;
}
