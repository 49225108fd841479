/** Mode -> command. What the entry loads for everything but a hook call; each command comes by import(). */
import { SERVER_ENV } from '../daemon.ts';
import { AppError } from '../errors.ts';
import type { ParsedArgv } from '../options.ts';
import { resolveSettings, type Settings } from '../settings.ts';
import type { Said } from '../types.ts';
import { VERSION } from '../version.ts';

export interface Surroundings {
  /** Throws what `resolveSettings` throws. */
  readonly getSettings: () => Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to stdout at once. */
  readonly print: (text: string) => void;
}

/** How often `logs --follow` looks for new lines. */
const LOOK_MS = 200;

/** Runs what is not the hook, and resolves with what is left to say. Throws what the command throws. */
export async function runCommand({ mode, flags, word }: ParsedArgv, surroundings: Surroundings): Promise<Said> {
  const { getSettings, env, print } = surroundings;
  switch (mode) {
    case 'test': {
      const { runTest } = await import('./test.ts');
      return runTest((await withTokens(getSettings))(), { isWaiting: flags['no-wait'] !== true, env: env, print });
    }
    case 'status': {
      const { runStatus } = await import('./status.ts');
      return runStatus(getSettings(), env, flags.json === true);
    }
    case 'stop': {
      const { runStop } = await import('./stop.ts');
      return runStop(settingsIfAny(getSettings), env);
    }
    case 'restart': {
      const { runRestart } = await import('./restart.ts');
      return runRestart(getSettings(), flags, env);
    }
    case 'logs': {
      const { runLogs } = await import('./logs.ts');
      const wait = (): Promise<boolean> => Bun.sleep(LOOK_MS).then(() => true);
      return runLogs(flags, { env: env, print, wait });
    }
    case 'completion': {
      const { runCompletion } = await import('./completion.ts');
      return runCompletion(word);
    }
    case 'man': {
      const { runMan } = await import('./man.ts');
      return runMan();
    }
    case 'daemon': {
      if (env[SERVER_ENV] !== '1') throw new AppError('usage', `Expected ${SERVER_ENV}=1 beside the verb daemon`);
      const { runServer } = await import('../server.ts');
      return {
        stdout: '',
        stderr: '',
        exitCode: await runServer(resolveSettings(flags, env, true), env),
      };
    }
    case 'ensure': {
      const { runEnsure } = await import('./ensure.ts');
      return runEnsure(flags, getSettings, env);
    }
    case 'rules': {
      const { runRulesTest } = await import('./rules.ts');
      return runRulesTest(getSettings(), env, flags.agent);
    }
    case 'history':
    case 'verify': {
      const history = await import('./history.ts');
      return history[mode](flags, env);
    }
    case 'setup':
    case 'manifest':
    case 'uninstall': {
      const setup = await import('./setup.ts');
      return setup[mode]({ flags, ...surroundings, withTokens: () => withTokens(getSettings) });
    }
    case 'doctor': {
      const { runDoctor } = await import('./doctor.ts');
      return runDoctor(flags, await withTokens(getSettings), env);
    }
    case 'send': {
      const { runSend } = await import('./send.ts');
      return runSend(flags, env);
    }
    case 'collect': {
      const { runCollect } = await import('./collect.ts');
      return runCollect(flags, surroundings);
    }
    case 'keys': {
      const { runKeys } = await import('./keys.ts');
      return runKeys(word, flags, env);
    }
    case 'retention': {
      const { runRetention } = await import('./retention.ts');
      return runRetention(flags, getSettings, env);
    }
    case 'demo': {
      const { runDemo } = await import('./demo.ts');
      return runDemo({ isAuto: flags.auto === true, port: flags.port, print });
    }
    case 'version':
      return { stdout: `${VERSION}\n`, stderr: '', exitCode: 0 };
    default: {
      const { helpText } = await import('../help.ts');
      return { stdout: helpText(), stderr: '', exitCode: 0 };
    }
  }
}

/** For commands that speak to Slack themselves: with the tokens in place of references to the keychain. What fails, fails when they are wanted. */
async function withTokens(getSettings: () => Settings): Promise<() => Settings> {
  try {
    const settings = getSettings();
    const { botToken, appToken } = settings;
    if (botToken === undefined || appToken === undefined) return () => settings;
    const { tokensFor } = await import('../keychain.ts');
    const real = { ...settings, ...(await tokensFor({ botToken, appToken })) };
    return () => real;
  } catch (error) {
    return () => {
      throw error;
    };
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
