/** Where this user's lasting files are: log, audit log, the name of this installation, and what belongs to the daemon of one Slack app. */
import { AppError } from './errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StatePaths {
  readonly dir: string;
  readonly log: string;
  readonly audit: string;
  /** Daemons of several apps take turns in writing the audit log. */
  readonly auditLock: string;
  readonly instance: string;
  /** A directory for each Slack app that was ever used. */
  readonly apps: string;
}

/** What the daemon of one Slack app and its clients share. */
export interface AppPaths {
  readonly dir: string;
  /** Held with flock for as long as the app's daemon lives, wherever that listens. */
  readonly lock: string;
  /** Held with flock by the client that starts a daemon, until that has said how it went. */
  readonly starting: string;
  /** Where the daemon listens, and how it proves to be ours; see daemon-record.ts. */
  readonly record: string;
  /** Why the last start failed, so that a failing start is not tried again at every tool call. */
  readonly failure: string;
  /** From where on the audit log holds requests of this app that are not at their end. */
  readonly checkpoint: string;
  /** There when `--stop` had to kill the daemon: what that left is not to be gone on with. */
  readonly stopped: string;
}

/** `$XDG_STATE_HOME/claude-slack-hook`, by default in ~/.local/state; a relative XDG_STATE_HOME is ignored, as its specification says. */
export function statePaths(env: Environment): StatePaths {
  const home = env.XDG_STATE_HOME?.startsWith('/') ? env.XDG_STATE_HOME : `${homeOf(env)}/.local/state`;
  const dir = `${home}/claude-slack-hook`;
  return {
    dir,
    log: `${dir}/daemon.log`,
    audit: `${dir}/audit.jsonl`,
    auditLock: `${dir}/audit.lock`,
    instance: `${dir}/instance-id`,
    apps: `${dir}/apps`,
  };
}

/** @param key see `appKey` */
export function appPaths(env: Environment, key: string): AppPaths {
  return appPathsIn(`${statePaths(env).apps}/${key}`);
}

export function appPathsIn(dir: string): AppPaths {
  return {
    dir,
    lock: `${dir}/lock`,
    starting: `${dir}/starting`,
    record: `${dir}/daemon.json`,
    failure: `${dir}/failure.json`,
    checkpoint: `${dir}/checkpoint.json`,
    stopped: `${dir}/stopped`,
  };
}

/** HOME, or where the system says that this user is at home. Throws AppError('bad-config') for a relative one. */
export function homeOf({ HOME }: Environment): string {
  if (HOME?.startsWith('/')) return HOME;
  // Bun's userInfo() says what HOME says: a relative one would make a project's directory ours.
  if (HOME) throw new AppError('bad-config', `Expected HOME to be an absolute path, got ${JSON.stringify(HOME)}`);
  return process.getBuiltinModule('node:os').userInfo().homedir;
}
