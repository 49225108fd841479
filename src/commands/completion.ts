/** `completion`: what a shell needs to complete our command line, made of the tables that parse it. */
import { helpOf, VERB_HELP } from '../help.ts';
import { type Option, TABLE } from '../options.ts';
import { AGENT_NAMES } from '../protocol.ts';
import { LOG_LEVELS } from '../settings.ts';
import { GATE_MODES, SCOPES } from '../setup/hook-plans.ts';
import type { Said } from '../types.ts';
import { VERB_TABLE, type VerbName } from '../verbs.ts';
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { zshScript } from './completion-zsh.ts';
import { OUTCOMES } from './history.ts';

/** One flag as a completion needs it. */
export interface Completable {
  /** With its dashes, the short one first. */
  readonly names: readonly string[];
  readonly help: string;
  /** What its value can be; absent for a switch, `any` for what only the person knows. */
  readonly value?: readonly string[] | 'file' | 'any';
}

export interface CompletableVerb {
  readonly name: string;
  readonly help: string;
  /** What can stand behind it. */
  readonly words: readonly string[];
  /** Those of its own, and those that every verb takes. */
  readonly flags: readonly Completable[];
}

export interface Grammar {
  /** Without a verb. */
  readonly flags: readonly Completable[];
  readonly verbs: readonly CompletableVerb[];
}

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  agent: AGENT_NAMES,
  'log-level': LOG_LEVELS,
  outcome: OUTCOMES,
  scope: SCOPES,
  mode: GATE_MODES,
  transport: ['command', 'http'],
};
/** What a verb takes besides settings. */
const EVERYWHERE: ReadonlySet<string> = new Set(['config', 'help']);

/** @param shell one of those that the command line takes */
export function runCompletion(shell: string | undefined): Said {
  const write = shell === 'zsh' ? zshScript : shell === 'fish' ? fishScript : bashScript;
  return { stdout: write(grammar()), stderr: '', exitCode: 0 };
}

/** Everything that can be completed. */
export function grammar(): Grammar {
  const common = TABLE.filter(({ flag, key, env }) => EVERYWHERE.has(flag) || key !== undefined || env !== undefined);
  const verbs = Object.entries(VERB_HELP).map(([name, { help, usage, options = {} }]) => {
    const { switches, values, aliases = {}, words = [] } = VERB_TABLE[name as VerbName];
    const own = [...switches, ...values].map((flag) => {
      const letter = Object.keys(aliases).find((alias) => aliases[alias] === flag);
      return completable(
        { flag, ...(letter === undefined ? {} : { alias: letter }), ...options[flag] },
        options[flag]?.help,
      );
    });
    // Such as --agent, which is no setting and which only setup and hooks take.
    const named = TABLE.filter((option) => !common.includes(option) && usage.join(' ').includes(`--${option.flag} `));
    return { name, help, words, flags: [...own, ...[...named, ...common].map((option) => completable(option))] };
  });
  return { flags: TABLE.map((option) => completable(option)), verbs };
}

function completable(option: Option, help = helpOf(option)): Completable {
  const { flag, alias, value } = option;
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${flag}`];
  return value === undefined ? { names, help } : { names, help, value: valuesOf(flag, value) };
}

/** `on|off` in the table is both what is shown and what there is. */
function valuesOf(flag: string, value: string): readonly string[] | 'file' | 'any' {
  if (value === 'FILE') return 'file';
  return CHOICES[flag] ?? (value.includes('|') ? value.split('|') : 'any');
}
