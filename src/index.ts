#!/usr/bin/env bun
/** The entry: argv -> mode. The only file that reads argv or sets the exit code. Everything heavy comes by import(). */
import { runHook, STOPPED } from './client.ts';
import { SERVER_ENV } from './daemon.ts';
import { AppError, explain, oneLine, toAppError } from './errors.ts';
import { type ParsedArgv, parseArgv } from './options.ts';
import { resolveSettings, type Settings } from './settings.ts';
import type { Said } from './types.ts';
import { VERSION } from './version.ts';

/** What a signal makes this process say; changes as the hook learns more. Absent outside hook mode. */
let onStop: Said | undefined;
let isFinishing = false;

async function main(argv: readonly string[]): Promise<Said> {
  let parsed: ParsedArgv;
  try {
    parsed = parseArgv(argv);
  } catch (error) {
    const { sayMisused } = await import('./misused.ts');
    return sayMisused(argv, process.env, toAppError(error));
  }
  const getSettings = (): Settings => resolveSettings(parsed.flags, process.env);
  if (parsed.mode !== 'hook') return runCommand(parsed, getSettings);
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

async function runCommand({ mode, flags }: ParsedArgv, getSettings: () => Settings): Promise<Said> {
  switch (mode) {
    case 'test': {
      const { runTest } = await import('./commands/test.ts');
      return runTest(getSettings(), { isWaiting: flags['no-wait'] !== true, env: process.env, print });
    }
    case 'status': {
      const { runStatus } = await import('./commands/status.ts');
      return runStatus(getSettings(), process.env);
    }
    case 'stop': {
      const { runStop } = await import('./commands/stop.ts');
      return runStop(settingsIfAny(getSettings), process.env);
    }
    case 'daemon': {
      if (process.env[SERVER_ENV] !== '1')
        throw new AppError('usage', `Expected ${SERVER_ENV}=1 beside the verb daemon`);
      const { runServer } = await import('./server.ts');
      return {
        stdout: '',
        stderr: '',
        exitCode: await runServer(resolveSettings(flags, process.env, true), process.env),
      };
    }
    case 'ensure': {
      const { runEnsure } = await import('./commands/ensure.ts');
      return runEnsure(flags, getSettings, process.env);
    }
    case 'rules': {
      const { runRulesTest } = await import('./commands/rules.ts');
      return runRulesTest(getSettings(), process.env, flags.agent);
    }
    case 'history':
    case 'verify': {
      const history = await import('./commands/history.ts');
      return history[mode](flags, process.env);
    }
    case 'setup':
    case 'manifest':
    case 'uninstall': {
      const setup = await import('./commands/setup.ts');
      return setup[mode]({ flags, env: process.env, getSettings, print });
    }
    case 'demo': {
      const { runDemo } = await import('./commands/demo.ts');
      return runDemo({ isAuto: flags.auto === true, port: flags.port, print });
    }
    case 'version':
      return { stdout: `${VERSION}\n`, stderr: '', exitCode: 0 };
    default: {
      const { helpText } = await import('./help.ts');
      return { stdout: helpText(), stderr: '', exitCode: 0 };
    }
  }
}

/** A config that cannot be read must not keep anybody from stopping the daemon. */
function settingsIfAny(getSettings: () => Settings): Settings | undefined {
  try {
    return getSettings();
  } catch {
    return undefined;
  }
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
