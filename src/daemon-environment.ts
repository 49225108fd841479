/** What a daemon inherits: named variables only, the tokens among them, and the options that are no secrets. */
import type { LaunchOptions } from './daemon.ts';
import type { OPTIONS, ParsedArgv } from './options.ts';
import type { Settings } from './settings.ts';
import { TEST_VARIABLES } from './test-build.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The agent's environment holds its own keys and whatever a project's settings put there; these are what a daemon needs. */
const INHERITED: ReadonlySet<string> = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR'],
  ...['XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS'],
  ...TEST_VARIABLES,
]);

/** What a daemon is started with, by a program with these settings and flags. */
export function launchOptions(settings: Settings, flags: ParsedArgv['flags'], env: Environment): LaunchOptions {
  return { env: daemonEnvironment(settings, env), args: daemonArguments(flags) };
}

/** Environment of the daemon, secrets included: /proc shows a process's environment to its own user only, its argv to everyone. */
function daemonEnvironment(settings: Settings, env: Environment): Readonly<Record<string, string>> {
  const inherited = Object.entries(env).filter(
    (entry): entry is [string, string] => INHERITED.has(entry[0]) && entry[1] !== undefined,
  );
  return {
    ...Object.fromEntries(inherited),
    ...(settings.botToken === undefined ? {} : { SLACK_BOT_TOKEN: settings.botToken }),
    ...(settings.appToken === undefined ? {} : { SLACK_APP_TOKEN: settings.appToken }),
    // Those of the config file are looked up there each time; these are for where it lists nobody.
    SLACK_USER_ID: settings.callersApprovers.join(','),
    SLACK_API_URL: settings.apiUrl,
  };
}

/** The daemon's own options as given on the command line; none of them is a secret. */
const DAEMON_FLAGS: ReadonlySet<string> = new Set([
  'config',
  'log-level',
  'max-input',
  'idle',
  'deadline',
  'threads',
  'broadcast',
  'http',
  'on-failure',
] satisfies (typeof OPTIONS)[number]['flag'][]);

function daemonArguments(flags: ParsedArgv['flags']): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    DAEMON_FLAGS.has(name) ? [value === true ? `--${name}` : `--${name}=${value}`] : [],
  );
}
