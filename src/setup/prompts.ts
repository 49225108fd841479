/** What setup asks at the terminal. The only file that knows the library for it. */
import * as clack from '@clack/prompts';
import { AppError } from '../errors.ts';

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string;
}

/** Each question throws AppError('stopped') when the person breaks it off. */
export interface Prompts {
  begin(title: string): void;
  say(text: string): void;
  warn(text: string): void;
  done(text: string): void;
  /** A longer text, framed. */
  show(title: string, text: string): void;
  secret(question: string, problem: (answer: string) => string | undefined): Promise<string>;
  confirm(question: string): Promise<boolean>;
  choose<T extends string>(question: string, choices: readonly Choice<T>[], first: T): Promise<T>;
  chooseMany<T extends string>(
    question: string,
    choices: readonly Choice<T>[],
    first: readonly T[],
  ): Promise<readonly T[]>;
}

export function createPrompts(): Prompts {
  return {
    begin: (title) => clack.intro(title),
    say: (text) => clack.log.info(text),
    warn: (text) => clack.log.warn(text),
    done: (text) => clack.outro(text),
    show: (title, text) => clack.note(text, title),
    secret: async (message, problem) => {
      const answer = await answered((signal) =>
        clack.password({ message, signal, validate: (value = '') => problem(value.trim()) }),
      );
      return answer.trim();
    },
    confirm: (message) => answered((signal) => clack.confirm({ message, signal })),
    choose: async (message, choices, initialValue) => {
      const options = optionsOf(choices);
      const ask = (signal: AbortSignal) => clack.select<string>({ message, signal, options, initialValue });
      return (await answered(ask)) as typeof initialValue;
    },
    chooseMany: async (message, choices, initialValues) => {
      const given = { message, options: optionsOf(choices), initialValues: [...initialValues], required: false };
      const ask = (signal: AbortSignal) => clack.multiselect<string>({ ...given, signal });
      return (await answered(ask)) as (typeof initialValues)[number][];
    },
  };
}

function optionsOf(choices: readonly Choice<string>[]) {
  return choices.map(({ value, label, hint }) => ({ value, label, ...(hint === undefined ? {} : { hint }) }));
}

/** At the end of what is typed (Ctrl-D) the library waits for nothing, and the program would end as if all had been done. */
async function answered<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<Exclude<T, symbol>> {
  const end = new AbortController();
  const onEnd = (): void => end.abort();
  process.once('beforeExit', onEnd);
  try {
    const answer = await ask(end.signal);
    if (typeof answer === 'symbol') throw new AppError('stopped', 'The set-up was broken off');
    return answer as Exclude<T, symbol>;
  } finally {
    process.off('beforeExit', onEnd);
  }
}
