import { describe, expect, test } from 'bun:test';
import { appKey } from '../src/daemon.ts';
import { AppError } from '../src/errors.ts';
import { isReference, type Keychain, keepTokens, referencesTo, tokensFor } from '../src/keychain.ts';

const PAIR = { botToken: 'xoxb-1-2-secretsecret', appToken: 'xapp-1-A0123-4-secretsecret' };

function keyring(change: Partial<Keychain> = {}): Keychain & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    ...{ name: 'keyring', kept, read: async (account) => kept.get(account) },
    write: async (account, secret) => {
      kept.set(account, secret);
      return true;
    },
    ...change,
  };
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof AppError ? error.code : error),
  );

describe('references to tokens in the keychain', () => {
  test('name the same app and the same pair, and hold nothing of them', () => {
    const references = referencesTo(PAIR);
    expect([references.botToken, references.appToken].every(isReference)).toBe(true);
    expect([PAIR.botToken, PAIR.appToken].some(isReference)).toBe(false);
    expect(appKey(references.appToken, 'x')).toBe(appKey(PAIR.appToken, 'x'));
    expect(JSON.stringify(references)).not.toContain('secret');
    expect(referencesTo({ ...PAIR, botToken: 'xoxb-1-2-other' })).not.toEqual(references);
  });

  test('are what was put there, and tokens themselves stay as they are', async () => {
    const keychain = keyring();
    expect(await keepTokens(PAIR, keychain)).toBe(true);
    expect([...keychain.kept]).toEqual([
      ['A0123 bot', PAIR.botToken],
      ['A0123 app', PAIR.appToken],
    ]);
    expect(await tokensFor(referencesTo(PAIR), keychain)).toEqual(PAIR);
    expect(await tokensFor(PAIR, undefined)).toEqual(PAIR);
  });

  test('that lead nowhere, or to other tokens, are an error', async () => {
    const keychain = keyring();
    expect(await codeOf(tokensFor(referencesTo(PAIR), keychain))).toBe('keychain');
    await keepTokens({ ...PAIR, botToken: 'xoxb-9-9-other' }, keychain);
    expect(await codeOf(tokensFor(referencesTo(PAIR), keychain))).toBe('keychain');
    expect(await codeOf(tokensFor({ ...PAIR, botToken: referencesTo(PAIR).botToken }, keyring()))).toBe('keychain');
  });

  test('are not made by a keychain that does not give back what it was given', async () => {
    expect(await keepTokens(PAIR, keyring({ write: async () => false }))).toBe(false);
    expect(await keepTokens(PAIR, keyring({ read: async () => undefined }))).toBe(false);
    expect(await keepTokens(PAIR, keyring({ read: async () => 'something else' }))).toBe(false);
  });
});
