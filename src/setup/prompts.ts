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
    secret: async (message, problem) =>
      answered(await clack.password({ message, validate: (value = '') => problem(value.trim()) })).trim(),
    confirm: async (message) => answered(await clack.confirm({ message })),
    choose: async (message, choices, initialValue) =>
      answered(
        await clack.select<string>({ message, options: optionsOf(choices), initialValue }),
      ) as typeof initialValue,
    chooseMany: async (message, choices, initialValues) =>
      answered(
        await clack.multiselect<string>({
          message,
          options: optionsOf(choices),
          initialValues: [...initialValues],
          required: false,
        }),
      ) as (typeof initialValues)[number][],
  };
}

function optionsOf(choices: readonly Choice<string>[]) {
  return choices.map(({ value, label, hint }) => ({ value, label, ...(hint === undefined ? {} : { hint }) }));
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === 'symbol') throw new AppError('stopped', 'The set-up was broken off');
  return answer as Exclude<T, symbol>;
}
