#!/usr/bin/env bun
/** The entry: argv -> mode. The only file that reads argv or sets the exit code. Everything heavy comes by import(). */
import { writeSync } from 'node:fs';
import { runHook, STOPPED, sayMisused } from './client.ts';
import { SERVER_ENV } from './daemon.ts';
import { explain, oneLine, toAppError } from './errors.ts';
import { helpText, type ParsedArgv, parseArgv, resolveSettings, type Settings } from './options.ts';
import type { Said } from './types.ts';
import { VERSION } from './version.ts';

/** What a signal makes this process say; changes as the hook learns more. Absent outside hook mode. */
let onStop: Said | undefined;

async function main(argv: readonly string[]): Promise<Said> {
  let parsed: ParsedArgv;
  try {
    parsed = parseArgv(argv);
  } catch (error) {
    return sayMisused(argv, toAppError(error));
  }
  const getSettings = (): Settings => resolveSettings(parsed.flags, process.env);
  if (parsed.mode !== 'hook') return runCommand(parsed, getSettings);
  if (process.env[SERVER_ENV] === '1') {
    const { runServer } = await import('./server.ts');
    return { stdout: '', stderr: '', exitCode: await runServer(getSettings(), process.env) };
  }
  onStop = STOPPED;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => finish(onStop ?? STOPPED));
  process.on('uncaughtException', crash);
  return runHook({
    flags: parsed.flags,
    env: process.env,
    getSettings,
    onStopSay: (said) => {
      onStop = said;
    },
  });
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
      return runStop(process.env);
    }
    case 'demo': {
      const { runDemo } = await import('./commands/demo.ts');
      return runDemo({ isAuto: flags.auto === true, port: flags.port === undefined ? 0 : Number(flags.port), print });
    }
    case 'version':
      return { stdout: `${VERSION}\n`, stderr: '', exitCode: 0 };
    default:
      return { stdout: helpText(), stderr: '', exitCode: 0 };
  }
}

function print(text: string): void {
  writeAll(1, text);
}

/** A pipe of the agent may be non-blocking and full, or gone: the first is waited for, the second has nobody to tell. */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Bun.sleepSync(1);
    }
  }
}

/** Ends at once: a signal that comes after the answer must not add a second one. */
function finish({ stdout, stderr, exitCode }: Said): never {
  if (stderr !== '') writeAll(2, stderr);
  if (stdout !== '') writeAll(1, stdout);
  process.exit(exitCode);
}

/** Exit 2 is how a hook blocks when it cannot even say so in JSON; other modes have the exit code of the error. */
function crash(error: unknown): never {
  const failure = toAppError(error);
  if (onStop === undefined) finish({ stdout: '', stderr: explain(failure), exitCode: failure.exitCode });
  finish({ stdout: '', stderr: `claude-slack-hook: ${oneLine(failure.message)} (${failure.code})\n`, exitCode: 2 });
}

main(process.argv.slice(2)).then(finish, crash);
