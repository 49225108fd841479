import { expect, test } from 'bun:test';
import { checkExposure, resolveCollector } from '../../src/collector/config.ts';
import { AppError } from '../../src/errors.ts';

const settingsOf = (env: Record<string, string>) => resolveCollector({}, env, {});

function refusalOf(env: Record<string, string>, hasKeys = true): string | undefined {
  try {
    checkExposure(settingsOf(env), hasKeys);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

test('on loopback anything goes: no keys, and the key of the example', () => {
  expect(refusalOf({ HOOK_AUTH: 'off' }, false)).toBeUndefined();
  expect(refusalOf({ HOOK_API_KEY: 'demo-key-12345' })).toBeUndefined();
});

test.each([
  [{ HOOK_AUTH: 'off' }, false, 'Expected keys, not HOOK_AUTH=off,'],
  [{ HOOK_API_KEY: 'demo-key-12345' }, true, 'Expected a key of your own, not the one of the example,'],
  [{}, false, 'Expected a key'],
])('behind a proxy %j is refused, on loopback as elsewhere', (env, hasKeys, expected) => {
  expect(refusalOf({ ...env, BEHIND_PROXY: '1' }, hasKeys)).toBe(`bad-config: ${expected} to listen behind a proxy`);
  expect(refusalOf({ ...env, HOST: '0.0.0.0', BEHIND_PROXY: '1' }, hasKeys)).toBe(
    `bad-config: ${expected} to listen on 0.0.0.0`,
  );
});

test('what is reached without a proxy has to have TLS of its own', () => {
  expect(refusalOf({ HOST: '0.0.0.0', HOOK_API_KEY: 'own' })).toBe(
    'bad-config: Expected TLS or a proxy that has it to listen on 0.0.0.0',
  );
  expect(refusalOf({ HOST: '0.0.0.0', HOOK_API_KEY: 'own', BEHIND_PROXY: '1' })).toBeUndefined();
});
