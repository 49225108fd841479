/** The table of verbs, and command lines that begin with one. A hook's does not, so it does not load this. */
import { AppError } from './errors.ts';
import { MODE_FLAGS, type ParsedArgv, parseFlags, parseOptions } from './options.ts';

interface Verb {
  readonly switches: readonly string[];
  readonly values: readonly string[];
  readonly aliases?: Readonly<Record<string, string>>;
  /** What may stand behind it. */
  readonly words?: readonly string[];
  readonly isWordNeeded?: true;
}

const NONE: Verb = { switches: [], values: [] };

/** Verbs besides the flags: `claude-slack-hook demo`. */
export const VERBS = {
  status: { switches: ['json'], values: [] },
  stop: NONE,
  restart: NONE,
  logs: { switches: ['follow', 'json'], values: ['lines'], aliases: { f: 'follow', n: 'lines' } },
  daemon: NONE,
  ensure: NONE,
  rules: { ...NONE, words: ['test'], isWordNeeded: true },
  history: {
    switches: ['json', 'csv'],
    values: ['since', 'session', 'tool', 'outcome', 'approver', 'limit'],
    words: ['verify'],
  },
  completion: { ...NONE, words: ['bash', 'zsh', 'fish'], isWordNeeded: true },
  man: NONE,
  doctor: { switches: ['json', 'quick'], values: [] },
  demo: { switches: ['auto'], values: ['port'] },
  send: { switches: ['no-enrich', 'replay'], values: ['events', 'tools', 'url', 'project'] },
  collect: {
    switches: ['behind-proxy'],
    values: ['port', 'host', 'storage', 'jsonl-path', 'allow-host', 'rate', 'tls-cert', 'tls-key'],
  },
  keys: {
    switches: ['json'],
    values: ['name', 'scope', 'project', 'rate', 'id'],
    words: ['create', 'list', 'revoke'],
    isWordNeeded: true,
  },
  retention: { switches: ['dry-run', 'json'], values: ['storage', 'jsonl-path'] },
  setup: {
    switches: ['yes', 'dry-run', 'no-open', 'no-keychain'],
    values: ['scope', 'mode', 'transport'],
    words: ['manifest', 'uninstall'],
  },
} as const satisfies Readonly<Record<string, Verb>>;

export type VerbName = keyof typeof VERBS;

/** The same, with the optional properties that a reader of any verb needs. */
export const VERB_TABLE: Readonly<Record<VerbName, Verb>> = VERBS;

/**
 * Reads any command line (without the interpreter and script).
 * Throws AppError('usage') for an unknown flag or verb, a missing or doubled value, and a stray word.
 */
export function parseArgv(argv: readonly string[]): ParsedArgv {
  const [verb, next] = argv;
  if (verb === undefined || !isVerb(verb)) return parseOptions(argv);
  const word = wordOf(verb, next);
  const isVerify = word === 'verify';
  const own: Verb = isVerify ? NONE : VERB_TABLE[verb];
  const rest = argv.slice(word === undefined ? 1 : 2);
  const [first] = rest;
  // The one thing that a word is about stands behind it without a flag.
  const words = word === 'revoke' && first?.startsWith('-') === false ? ['--id', ...rest] : rest;
  const flags = parseFlags(words, own.switches, own.values, own.aliases);
  const mode = MODE_FLAGS.find((name) => flags[name] === true);
  if (mode === 'help') return { mode, flags };
  if (mode !== undefined && mode !== verb)
    throw new AppError('usage', `Expected one of ${verb} and --${mode}, got both`);
  const second = word === 'verify' || word === 'manifest' || word === 'uninstall' ? word : undefined;
  return { mode: second ?? verb, flags, ...(word === undefined ? {} : { word }) };
}

function isVerb(word: string): word is VerbName {
  return Object.hasOwn(VERBS, word);
}

/** Throws AppError('usage') where the verb needs one and does not get it. */
function wordOf(verb: VerbName, given: string | undefined): string | undefined {
  const { words = [], isWordNeeded } = VERB_TABLE[verb];
  if (given !== undefined && words.includes(given)) return given;
  if (isWordNeeded !== true || given === '--help' || given === '-h') return undefined;
  throw new AppError('usage', `Expected "${verb} ${words.join('|')}", got "${verb} ${given ?? ''}"`);
}
