/**
 * What only a test build does (scripts/compile.mjs --test): die at a named point, say that it is another version, and fill
 * its log sooner. In every other build all of this folds away, and the variables mean nothing.
 */
declare const CSH_TEST_BUILD: boolean;

const IS_TEST_BUILD = typeof CSH_TEST_BUILD !== 'undefined' && CSH_TEST_BUILD;

/** Where a daemon can be made to die: `CSH_CRASH_AT=<point>`, or `<point>:3` for the third time that it gets there. */
export type CrashPoint =
  | 'lock-held'
  | 'before-listen'
  | 'after-accept'
  | 'before-post'
  | 'after-post-before-journal'
  | 'after-journal'
  | 'click-before-audit'
  | 'audit-before-reply'
  | 'reply-half-written'
  | 'after-reply-before-edit'
  | 'during-drain'
  | 'during-rotate';

const passed = new Map<string, number>();

/** True where this process is to die now, which the caller then has it do by `dieAt`. */
export function isDeathAt(point: CrashPoint): boolean {
  if (!IS_TEST_BUILD) return false;
  const [name, count = '1'] = (process.env.CSH_CRASH_AT ?? '').split(':');
  if (name !== point) return false;
  const times = (passed.get(point) ?? 0) + 1;
  passed.set(point, times);
  // One daemon dies; the next one, which inherits the variable, finds the mark.
  const { existsSync } = process.getBuiltinModule('node:fs');
  return times === Number(count) && !existsSync(process.env.CSH_CRASH_MARK ?? '');
}

/** Dies as by kill -9, once. */
export function dieAt(point: CrashPoint): void {
  if (IS_TEST_BUILD && isDeathAt(point)) die(point);
}

/** Leaves the mark, and nothing else, behind. */
export function die(point: CrashPoint): void {
  process.getBuiltinModule('node:fs').writeFileSync(process.env.CSH_CRASH_MARK ?? '', point);
  process.kill(process.pid, 'SIGKILL');
}

/** A variable of a test build. */
export function testVariable(
  name: 'CSH_VERSION' | 'CSH_LOG_BYTES' | 'CSH_HTTP_ANY_PORT' | 'CSH_SECRET_TOOL',
): string | undefined {
  return IS_TEST_BUILD ? process.env[name] || undefined : undefined;
}

/** What a test build's daemon inherits beside what all inherit. */
export const TEST_VARIABLES: readonly string[] = IS_TEST_BUILD
  ? ['CSH_CRASH_AT', 'CSH_CRASH_MARK', 'CSH_VERSION', 'CSH_LOG_BYTES', 'CSH_HTTP_ANY_PORT', 'CSH_SECRET_TOOL']
  : [];
