/** Slack's ids as the config file writes them. */
import * as v from 'valibot';

const USER_WORDS = 'to be a Slack user id such as U0123456789, several with commas, or a list of at least one';

/** One person or several, each once. */
export const users = v.pipe(
  v.union([v.string(), v.array(v.string())], USER_WORDS),
  v.transform((value) => [...new Set([value].flat().flatMap((each) => each.split(',').map((id) => id.trim())))]),
  v.transform((ids) => ids.filter((id) => id !== '')),
  v.check((ids) => ids.length > 0 && ids.every((id) => /^[UW][A-Z0-9]+$/.test(id)), USER_WORDS),
);
