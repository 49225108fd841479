/** Claude Code's http hooks: whoever they do not reach is not asked, and the call goes on. */

import { flagValue } from '../hook-command.ts';
import { type Check, fail, warn } from './check.ts';
import { type HookEntry, type HookSource, setting } from './hook-entries.ts';
import { listed, quoted } from './outside.ts';

/**
 * @param ours hooks of all kinds
 * @param ports where a daemon takes requests over HTTP, or would
 */
export function checkHttp(
  sources: readonly HookSource[],
  ours: readonly HookEntry[],
  ports: readonly number[],
): readonly Check[] {
  const http = ours.filter(({ kind }) => kind === 'http');
  if (http.length === 0) return [];
  return [
    ...addressChecks(sources, http),
    ...portChecks(http, ours, ports),
    ...tokenChecks(http),
    ...(http.some(({ event }) => event === 'PreToolUse')
      ? [
          warn(
            'claude-http',
            'Claude Code: PreToolUse over http; when nobody answers there, the call goes on as if there were no hook',
            'Use a command hook for PreToolUse, with "onFailure": "block".',
          ),
        ]
      : []),
  ];
}

/** A daemon has a port by the config file, or because `ensure` told it at the start of the session. */
function portChecks(
  http: readonly HookEntry[],
  ours: readonly HookEntry[],
  ports: readonly number[],
): readonly Check[] {
  const starts = ours.filter(({ command }) => command?.words.includes('ensure') === true);
  const told = starts.map(({ command }) => Number(flagValue(command?.words ?? [], 'http') ?? Number.NaN));
  const known = new Set([...ports, ...told]);
  const lost = [...new Set(http.map(({ text }) => portOf(text)))].filter((port) => !known.has(port)).map(String);
  return [
    ...(lost.length === 0
      ? []
      : [
          fail(
            'claude-http-port',
            `Claude Code: http hooks go to port ${listed(lost)}, and no daemon is told to listen there`,
            `Set "http": "${lost[0]}" in the config file, or add --http ${lost[0]} to the ensure command under SessionStart.`,
          ),
        ]),
    ...(starts.some(({ event }) => event === 'SessionStart')
      ? []
      : [
          warn(
            'claude-http-start',
            'Claude Code: http hooks, and no command starts the daemon for them when a session begins',
            'Add claude-slack-hook ensure --http PORT under SessionStart.',
          ),
        ]),
  ];
}

function portOf(url: string): number {
  const parsed = URL.parse(url);
  if (parsed === null) return Number.NaN;
  return parsed.port === '' ? (parsed.protocol === 'https:' ? 443 : 80) : Number(parsed.port);
}

function tokenChecks(http: readonly HookEntry[]): readonly Check[] {
  const without = http.filter(({ token }) => token !== 'given');
  const [first] = without;
  if (first === undefined) return [];
  const events = listed([...new Set(without.map(({ event }) => event))], 8);
  return [
    first.token === 'unset'
      ? fail(
          'claude-http-token',
          `Claude Code: the http hooks of ${events} take the token from a variable that allowedEnvVars does not name, so they send none`,
          'Add "allowedEnvVars": ["CLAUDE_SLACK_HOOK_TOKEN"] to each.',
        )
      : fail(
          'claude-http-token',
          `Claude Code: the http hooks of ${events} send no token, so the daemon refuses them`,
          'Add the header Authorization: Bearer $CLAUDE_SLACK_HOOK_TOKEN, and allowedEnvVars.',
        ),
  ];
}

/** The lists of all files together count; where there is none, every address is allowed. */
function addressChecks(sources: readonly HookSource[], http: readonly HookEntry[]): readonly Check[] {
  const lists = sources.flatMap((source) => {
    const list = setting(source, 'allowedHttpHookUrls');
    return Array.isArray(list) ? [{ path: source.path, globs: list.filter((glob) => typeof glob === 'string') }] : [];
  });
  const [first] = lists;
  const globs = lists.flatMap((list) => list.globs);
  const blocked = http.filter(({ text }) => !globs.some((glob) => matchesGlob(glob, text)));
  if (first === undefined || blocked.length === 0) return [];
  const addresses = listed([...new Set(blocked.map(({ text }) => quoted(text)))]);
  return [
    fail(
      'claude-urls',
      `Claude Code: allowedHttpHookUrls in ${listed(lists.map(({ path }) => path))} does not allow ${addresses}`,
      `Add the address to allowedHttpHookUrls in ${first.path}.`,
    ),
  ];
}

/** `*` stands for anything, in time that grows with the lengths only. */
function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
