/** Secrets that are known by their form: tokens that begin with letters which their issuer reserved for them. */
import { endOfMatch, type Span } from './secrets-spans.ts';

interface Format {
  readonly kind: string;
  /** How it begins; no entry of the table shares one with another. */
  readonly prefixes: readonly string[];
  /** What must follow, as the source of a regular expression. */
  readonly rest: string;
  /** The prefix is an address and stays. */
  readonly isPublicPrefix?: true;
  /** `rest` may read far and then fail for want of a dot. */
  readonly isDotted?: true;
}

/**
 * Lengths are the shortest that the source tells of; issuers ask that longer ones be expected.
 * - AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique identifiers: the prefixes)
 * - GitHub: https://github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available/ and,
 *   for ghs_APPID_JWT, https://github.blog/changelog/2026-05-15-github-app-installation-tokens-per-request-override-header/
 * - GitLab: https://docs.gitlab.com/security/tokens/ and, for the two parts after dots,
 *   https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
 * - Slack: https://docs.slack.dev/authentication/tokens and https://docs.slack.dev/authentication/using-token-rotation
 * - OpenAI, Anthropic, OpenRouter: https://openrouter.ai/docs/guides/features/guardrails/secret-formats
 * - Google: 39 characters, https://learn.microsoft.com/purview/sit-defn-google-api-key; AQ. keys took the place of AIza
 *   ones in 2026, https://discuss.ai.google.dev/t/gemini-api-key-start-from-aq/171575
 * - Stripe: 10 to 128, https://gitlab.com/gitlab-org/gitlab/-/issues/458019; test keys are secret, too,
 *   https://docs.stripe.com/keys
 * - npm: 30 and a checksum of 6, https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
 * - PyPI: a macaroon in base64, version 2 with a location first: https://pypi.org/help/#apitoken
 * - JWT: https://www.rfc-editor.org/rfc/rfc7519 (`{"` is `eyJ` in base64), with five parts RFC 7516
 * SendGrid's and Hugging Face's lengths (22 and 43; 34) are not documented: shorter and longer ones count as well.
 */
const FORMATS: readonly Format[] = [
  { kind: 'AWS key', prefixes: ['AKIA', 'ASIA', 'ABIA'], rest: '[A-Z0-9]{16}(?!\\w)' },
  {
    kind: 'GitHub token',
    prefixes: ['ghs_'],
    rest: '(?:[A-Za-z0-9]+_eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|\\w{36,})',
    isDotted: true,
  },
  { kind: 'GitHub token', prefixes: ['ghp_', 'gho_', 'ghu_', 'ghr_', 'github_pat_'], rest: '\\w{36,}' },
  { kind: 'GitLab token', prefixes: ['glpat-'], rest: '[\\w-]{20,}(?:\\.[0-9a-z]{2}\\.[0-9a-z]{9})?' },
  {
    kind: 'Slack token',
    prefixes: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxo-', 'xoxe-', 'xapp-'],
    rest: '(?=[\\w-]{0,40}\\d)[\\w-]{10,}',
  },
  { kind: 'Slack token', prefixes: ['xoxe.xox'], rest: '[a-z]-(?=[\\w-]{0,40}\\d)[\\w-]{10,}' },
  {
    kind: 'Slack webhook',
    prefixes: ['hooks.slack.com/services/', 'hooks.slack.com/workflows/', 'hooks.slack.com/triggers/'],
    rest: '\\w{6,}(?:/\\w+)+',
    isPublicPrefix: true,
  },
  { kind: 'Anthropic key', prefixes: ['sk-ant-'], rest: '(?=[\\w-]{0,40}\\d)[\\w-]{20,}' },
  { kind: 'OpenAI key', prefixes: ['sk-proj-', 'sk-svcacct-', 'sk-admin-'], rest: '[\\w-]{20,}' },
  { kind: 'OpenRouter key', prefixes: ['sk-or-v1-'], rest: '[0-9a-f]{40,}' },
  { kind: 'OpenAI key', prefixes: ['sk-'], rest: '[A-Za-z0-9]{32,}' },
  { kind: 'Google key', prefixes: ['AIza'], rest: '[\\w-]{35}(?![\\w-])' },
  { kind: 'Google key', prefixes: ['AQ.Ab8'], rest: '[\\w-]{30,}' },
  { kind: 'Google token', prefixes: ['ya29.'], rest: '(?:[a-z]\\.)?[\\w-]{20,}' },
  { kind: 'Stripe key', prefixes: ['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_'], rest: '[A-Za-z0-9]{10,}' },
  { kind: 'npm token', prefixes: ['npm_'], rest: '[A-Za-z0-9]{36,}' },
  { kind: 'PyPI token', prefixes: ['pypi-AgE'], rest: '[\\w-]{50,}' },
  { kind: 'SendGrid key', prefixes: ['SG.'], rest: '[\\w-]{16,32}\\.[\\w-]{32,64}(?![\\w-])' },
  { kind: 'Hugging Face token', prefixes: ['hf_'], rest: '[A-Za-z0-9]{30,}' },
  {
    kind: 'JWT',
    prefixes: ['eyJ'],
    rest: '[\\w-]{8,}\\.[\\w-]{10,}\\.[\\w-]{10,}(?:\\.[\\w-]{10,}\\.[\\w-]{16,})?',
    isDotted: true,
  },
];

interface Compiled extends Format {
  readonly pattern: RegExp;
}

const BY_PREFIX: ReadonlyMap<string, Compiled> = new Map(
  FORMATS.flatMap((format) => {
    const compiled = { ...format, pattern: new RegExp(format.rest, 'y') };
    return format.prefixes.map((prefix) => [prefix, compiled] as const);
  }),
);

/** Every prefix, longer ones first: `sk-ant-` is not to be found as `sk-`. */
const PREFIX = new RegExp(
  [...BY_PREFIX.keys()]
    .sort((one, other) => other.length - one.length)
    .map((prefix) => prefix.replaceAll('.', '\\.'))
    .join('|'),
  'g',
);

const WORD = /\w/;
/** Letters that belong to an escape and not to a word: `\n` and `\u000a` in JSON, `%20` in addresses, colours. */
const ESCAPED_LETTER = /(?:\\[abefnrtv0]|\\[ux][0-9a-fA-F]{2,4}|\\0?33|%[0-9a-fA-F]{2}|\[[0-9;]{1,10}m)$/;
const ESCAPED_LENGTH = 12;
const TOKEN_RUN = /[\w-]*/y;

/** Tokens with a form of their own. Takes any text; time grows with its length only. */
export function findFormats(text: string): readonly Span[] {
  const spans: Span[] = [];
  /** Up to here the run of letters that a dotted form needs a dot after has none. */
  const hopeless = new Map<Compiled, number>();
  PREFIX.lastIndex = 0;
  for (let hit = PREFIX.exec(text); hit !== null; hit = PREFIX.exec(text)) {
    const format = BY_PREFIX.get(hit[0]);
    if (format === undefined || hit.index < (hopeless.get(format) ?? 0) || !isWordStart(text, hit.index)) continue;
    const body = hit.index + hit[0].length;
    const end = endOfMatch(format.pattern, text, body);
    if (end === undefined) {
      if (format.isDotted) hopeless.set(format, endOfMatch(TOKEN_RUN, text, body) ?? body);
      continue;
    }
    const start = format.isPublicPrefix ? body : hit.index;
    spans.push({ start, end, kind: format.kind, key: text.slice(start, end), why: 'format', isRunnable: false });
    PREFIX.lastIndex = end;
  }
  return spans;
}

function isWordStart(text: string, at: number): boolean {
  if (at === 0 || !WORD.test(text.charAt(at - 1))) return true;
  return ESCAPED_LETTER.test(text.slice(Math.max(0, at - ESCAPED_LENGTH), at));
}
