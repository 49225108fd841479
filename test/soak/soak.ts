/** What every soak has: a bench whose processes end with it, a limit, and rows that say what was measured. */
import type { EmulatorOptions } from '../../src/emulator/emulator-types.ts';
import { type TestBench, withBench } from '../e2e/bench.ts';

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly bound: string;
  readonly measured: string;
  readonly ok: boolean;
}

/** Longer than any soak takes: one that hangs must clean up after itself all the same. */
const LIMIT_MS = 15 * 60_000;
const LOG_SHOWN = 40;

const stop = Promise.withResolvers<never>();
// Nobody may be waiting yet.
stop.promise.catch(() => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.reject(new Error(`Stopped by ${signal}`)));

/**
 * Runs `body` on a bench of its own and takes everything away again, processes that wait or stand still included. Never
 * rejects: what `body` throws, a signal and the limit become a row that is not ok.
 */
export async function withSoak(
  body: (bench: TestBench) => Promise<readonly Row[]>,
  options: EmulatorOptions = {},
): Promise<readonly Row[]> {
  let rows: readonly Row[] = [];
  await withBench(async (bench) => {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(new Error(`Not done after ${LIMIT_MS / 60_000} min`)), LIMIT_MS);
    try {
      rows = await Promise.race([body(bench), stop.promise, limit.promise]);
    } catch (error) {
      console.error(error);
      console.error(`daemon.log ends with:\n${bench.log().split('\n').slice(-LOG_SHOWN).join('\n')}`);
      rows = [{ what: 'the run', bound: 'ends well', measured: String(error), ok: false }];
    } finally {
      clearTimeout(timer);
    }
  }, options);
  return rows;
}

/** A row whose number must not be larger than its bound. */
export function atMost(what: string, measured: number, bound: number, unit: string): Row {
  return { what, bound: `≤ ${bound} ${unit}`, measured: `${round(measured)} ${unit}`, ok: measured <= bound };
}

/** A row whose value must be exactly this. */
export function exactly(what: string, measured: number | string, bound: number | string): Row {
  return { what, bound: String(bound), measured: String(measured), ok: measured === bound };
}

/** Resolves when so many milliseconds have passed for the processes around us. */
export function passed(ms: number): Promise<void> {
  return Bun.sleep(ms);
}

/** Tells on stderr how far it is; the table alone stands on stdout. */
export function progress(text: string): void {
  console.error(`  ${text}`);
}

function round(value: number): number {
  return Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
