#!/usr/bin/env bun
/** The entry: argv -> mode. The only file that reads argv or sets the exit code. Everything heavy comes by import(). */
import { runHook, STOPPED } from './client.ts';
import { explain, oneLine, toAppError } from './errors.ts';
import { type ParsedArgv, parseOptions } from './options.ts';
import { resolveSettings, type Settings } from './settings.ts';
import type { Said } from './types.ts';

/** What a signal makes this process say; changes as the hook learns more. Absent outside hook mode. */
let onStop: Said | undefined;
let isFinishing = false;

async function main(argv: readonly string[]): Promise<Said> {
  let parsed: ParsedArgv;
  try {
    parsed = argv[0]?.startsWith('-') === false ? (await import('./verbs.ts')).parseArgv(argv) : parseOptions(argv);
  } catch (error) {
    const { sayMisused } = await import('./misused.ts');
    return sayMisused(argv, process.env, toAppError(error));
  }
  const getSettings = (): Settings => resolveSettings(parsed.flags, process.env);
  if (parsed.mode !== 'hook') {
    const { runCommand } = await import('./commands/command.ts');
    return runCommand(parsed, { getSettings, env: process.env, print });
  }
  onStop = STOPPED;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A reader that does not read keeps a write waiting for ever.
      if (isFinishing) process.exit(onStop?.exitCode ?? STOPPED.exitCode);
      void finish(onStop ?? STOPPED);
    });
  }
  process.on('uncaughtException', crash);
  const said = await runHook({
    flags: parsed.flags,
    env: process.env,
    getSettings,
    onStopSay: (wanted) => {
      onStop = wanted;
    },
  });
  if (parsed.flags['bot-token'] === undefined && parsed.flags['app-token'] === undefined) return said;
  const { warnOfTokens } = await import('./misused.ts');
  return warnOfTokens(said);
}

/** For commands that say something before they end. */
function print(text: string): void {
  process.getBuiltinModule('node:fs').writeSync(1, text);
}

/** Ends at once: a signal that comes after the answer must not add a second one. */
async function finish({ stdout, stderr, exitCode }: Said): Promise<never> {
  isFinishing = true;
  // A decision that cannot be written must not pass for none.
  const isSaid =
    stdout === '' ||
    (await Bun.write(Bun.stdout, stdout).then(
      () => true,
      () => false,
    ));
  if (stderr !== '') await Bun.write(Bun.stderr, stderr).catch(() => {});
  process.exit(isSaid ? exitCode : (onStop?.exitCode ?? exitCode));
}

/** Exit 2 is how a hook blocks when it cannot even say so in JSON; other modes have the exit code of the error. */
function crash(error: unknown): Promise<never> {
  const failure = toAppError(error);
  if (onStop === undefined) return finish({ stdout: '', stderr: explain(failure), exitCode: failure.exitCode });
  return finish({
    stdout: '',
    stderr: `claude-slack-hook: ${oneLine(failure.message)} (${failure.code})\n`,
    exitCode: 2,
  });
}

main(process.argv.slice(2)).then(finish, crash);
