/**
 * Tokens in the system's keychain. The config file then holds references in their place, which a hook treats like tokens: they
 * name the same app and the same pair of tokens. Only who speaks to Slack looks them up.
 */
import { existsSync } from 'node:fs';
import { appOfToken } from './daemon.ts';
import { AppError } from './errors.ts';
import { testVariable } from './test-build.ts';

export interface TokenPair {
  readonly botToken: string;
  readonly appToken: string;
}

export interface Keychain {
  /** As people call it. */
  readonly name: string;
  /** Undefined for what is not there, or not to be had now. */
  read(account: string): Promise<string | undefined>;
  /** Replaces what is there. False when it could not. */
  write(account: string, secret: string): Promise<boolean>;
}

const SERVICE = 'claude-slack-hook';
/** A keychain that is locked may ask the person; nobody waits for that for ever, in milliseconds. */
const PATIENCE_MS = 10_000;

/** What stands in the config file in place of these. The last part tells one pair from another, and tells nothing about it. */
export function referencesTo({ botToken, appToken }: TokenPair): TokenPair {
  const hash = new Bun.CryptoHasher('sha256')
    .update(JSON.stringify([botToken, appToken]))
    .digest('hex')
    .slice(0, 16);
  return { botToken: `xoxb-keychain-${hash}`, appToken: `xapp-1-${appOf(appToken)}-keychain-${hash}` };
}

export function isReference(token: string): boolean {
  return /^(xoxb|xapp-1-[A-Z0-9]+)-keychain-[0-9a-f]{16}$/.test(token);
}

function appOf(appToken: string): string {
  return appOfToken(appToken) ?? 'X';
}

/**
 * The tokens that references stand for, and other tokens as they are. Throws AppError('keychain') where they cannot be had, or
 * are others than those that were put there.
 */
export async function tokensFor(pair: TokenPair, keychain = openKeychain()): Promise<TokenPair> {
  if (!isReference(pair.botToken) && !isReference(pair.appToken)) return pair;
  if (keychain === undefined)
    throw new AppError('keychain', 'Expected the keychain that the config file refers to, got none on this machine');
  const app = appOf(pair.appToken);
  const [botToken, appToken] = await Promise.all([keychain.read(`${app} bot`), keychain.read(`${app} app`)]);
  if (botToken === undefined || appToken === undefined)
    throw new AppError('keychain', `Expected the tokens of ${app} in the ${keychain.name}, got none`);
  const found = { botToken, appToken };
  if (referencesTo(found).botToken !== pair.botToken)
    throw new AppError(
      'keychain',
      `Expected the tokens that the config file refers to in the ${keychain.name}, got others`,
    );
  return found;
}

/** Puts them there and looks whether they are. False when that did not work: then they belong into the file. */
export async function keepTokens(pair: TokenPair, keychain: Keychain): Promise<boolean> {
  const app = appOf(pair.appToken);
  if (!(await keychain.write(`${app} bot`, pair.botToken))) return false;
  if (!(await keychain.write(`${app} app`, pair.appToken))) return false;
  return tokensFor(referencesTo(pair), keychain).then(
    () => true,
    () => false,
  );
}

/** The program of the system, at its fixed place: PATH may be a project's. Undefined where there is none. */
export function openKeychain(platform: NodeJS.Platform = process.platform): Keychain | undefined {
  if (platform === 'darwin') return existsSync('/usr/bin/security') ? macKeychain('/usr/bin/security') : undefined;
  const places = ['/usr/bin/secret-tool', '/usr/local/bin/secret-tool', '/run/current-system/sw/bin/secret-tool'];
  const tool = testVariable('CSH_SECRET_TOOL') ?? places.find((place) => existsSync(place));
  return tool === undefined ? undefined : secretService(tool);
}

/** GNOME Keyring, KWallet and others, through libsecret's command. */
function secretService(tool: string): Keychain {
  const named = (account: string): readonly string[] => ['service', SERVICE, 'account', account];
  return {
    name: 'keyring',
    read: (account) => ask([tool, 'lookup', ...named(account)]),
    write: async (account, secret) =>
      (await ask([tool, 'store', `--label=${SERVICE} (${account})`, ...named(account)], secret)) !== undefined,
  };
}

/** A secret in the arguments would show in ps: `security -i` reads commands, and a token has no character that means something there. */
function macKeychain(tool: string): Keychain {
  return {
    name: 'keychain',
    read: (account) => ask([tool, 'find-generic-password', '-s', SERVICE, '-a', account, '-w']),
    write: async (account, secret) =>
      (await ask([tool, '-i'], `add-generic-password -U -s "${SERVICE}" -a "${account}" -w "${secret}"\n`)) !==
      undefined,
  };
}

/** What it prints; undefined when it fails or takes too long. */
async function ask(command: readonly string[], stdin = ''): Promise<string | undefined> {
  try {
    const child = Bun.spawn([...command], {
      ...{ cwd: '/', stdin: new Blob([stdin]), stdout: 'pipe', stderr: 'ignore' },
      ...{ timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
    });
    const [text, exitCode] = await Promise.all([child.stdout.text(), child.exited]);
    return exitCode === 0 ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}
