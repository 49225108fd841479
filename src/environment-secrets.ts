/** Which values of the agent's environment are secrets that stand in a tool call. */

const TELLING = ['TOKEN', 'SECRET', 'PASSW', 'APIKEY', '_KEY', 'CREDENTIAL'];
/** Shorter ones are found by chance. */
const MIN_LENGTH = 8;

/**
 * The values of variables with telling names that occur in `json`, a hook's input, or all of them without it. Those are in
 * the input already; knowing them lets the daemon mask them. Names of files are no secrets.
 */
export function secretsIn(
  json: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const found: string[] = [];
  for (const name in env) {
    const value = env[name];
    if (value === undefined || value.length < MIN_LENGTH || value.startsWith('/') || value.startsWith('~')) continue;
    const upper = name.toUpperCase();
    const isTelling = TELLING.some((part) => upper.includes(part));
    if (isTelling && (json === undefined || json.includes(JSON.stringify(value).slice(1, -1)))) found.push(value);
  }
  return found;
}
