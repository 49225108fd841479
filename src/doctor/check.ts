/** What one line of `doctor` says, and how all of them are printed. */
import { AppError, ERRORS, type ErrorCode } from '../errors.ts';

export type CheckState = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Check {
  /** For programs that read `--json`; the same check has the same id in every version. */
  readonly id: string;
  readonly state: CheckState;
  /** What is so, on one line. */
  readonly what: string;
  /** What to do about it; on every `warn` and `fail`. */
  readonly fix?: string;
  /** More, for who wants to know; only `--json` shows it. */
  readonly details?: readonly string[];
  /** From the catalogue of errors, where there is one; the first that fails gives the exit code. */
  readonly code?: ErrorCode;
}

export function ok(id: string, what: string, details: readonly string[] = []): Check {
  return { id, state: 'ok', what, ...(details.length === 0 ? {} : { details }) };
}

export function warn(id: string, what: string, fix: string, details: readonly string[] = []): Check {
  return { id, state: 'warn', what, fix, ...(details.length === 0 ? {} : { details }) };
}

/** @param more the error that it would be elsewhere, and what only `--json` shows */
export function fail(id: string, what: string, fix: string, more: Pick<Check, 'code' | 'details'> = {}): Check {
  return { id, state: 'fail', what, fix, ...more };
}

/** @param what is not known, and why */
export function skipped(id: string, what: string): Check {
  return { id, state: 'skipped', what };
}

/** An error of the program as a check: its hint is the fix. */
export function failure(id: string, about: string, { message, hint, code }: AppError): Check {
  return { id, state: 'fail', what: `${about}: ${message}`, fix: hint, code };
}

/** A fact that could not be had is the error that says why. */
export function isError<T>(fact: T | AppError): fact is AppError {
  return fact instanceof AppError;
}

const SIGNS: Readonly<Record<CheckState, string>> = { ok: '✓', warn: '!', fail: '✗', skipped: '-' };

/** @param show what makes a text fit for a terminal: no secrets, and nothing that begins a line or is not seen */
export function printed(checks: readonly Check[], show: (text: string) => string): string {
  const lines = checks.flatMap(({ state, what, fix }) => [
    `${SIGNS[state]} ${show(what)}`,
    ...(fix === undefined ? [] : [`  fix: ${show(fix)}`]),
  ]);
  return `${[...lines, summary(checks)].join('\n')}\n`;
}

/** One document: `{ok, checks: [{id, state, what, fix?, details?, code?}]}`. */
export function asJson(checks: readonly Check[], show: (text: string) => string): string {
  const shown = checks.map(({ what, fix, details, ...rest }) => ({
    ...{ ...rest, what: show(what) },
    ...(fix === undefined ? {} : { fix: show(fix) }),
    ...(details === undefined ? {} : { details: details.map(show) }),
  }));
  return `${JSON.stringify({ ok: isWell(checks), checks: shown }, undefined, 2)}\n`;
}

/** 0 when nothing fails; else that of the first failure's error, 69 where it has none. */
export function exitCodeOf(checks: readonly Check[]): number {
  const first = checks.find(({ state }) => state === 'fail');
  if (first === undefined) return 0;
  return first.code === undefined ? ERRORS['slack-unreachable'].exit : ERRORS[first.code].exit;
}

function isWell(checks: readonly Check[]): boolean {
  return checks.every(({ state }) => state !== 'fail');
}

function summary(checks: readonly Check[]): string {
  const count = (wanted: CheckState): number => checks.filter(({ state }) => state === wanted).length;
  const failed = count('fail');
  const warned = count('warn');
  if (failed + warned === 0) return 'All good.';
  return `${failed} to mend, ${warned} to look at.`;
}
