import { describe, expect, test } from 'bun:test';
import { addressesOf, resolveTarget } from '../../src/sender/target.ts';

describe('where events go', () => {
  test('is told by the flag before the config file before the environment before the default', () => {
    const env = { HOOK_BACKEND_URL: 'http://env.test/events' };
    const config = { url: 'http://config.test/events' };
    const shown = (options: Parameters<typeof resolveTarget>[0]): string => resolveTarget(options).shown;
    expect(shown({ flag: 'http://flag.test/x', config, env })).toBe('http://flag.test/x');
    expect(shown({ config, env })).toBe('http://config.test/events');
    expect(shown({ config: {}, env })).toBe('http://env.test/events');
    expect(shown({ config: {}, env: { HOOK_BACKEND_URL: '' } })).toBe('http://localhost:3030/events');
  });

  test.each(['nope', 'file:///etc/passwd', 'ftp://x.test/', 'http://'])('is not %s', (url) => {
    expect(() => resolveTarget({ config: {}, env: { HOOK_BACKEND_URL: url } })).toThrow('Expected HOOK_BACKEND_URL');
  });

  test('takes lists where it is a collector', () => {
    const batch = (flag: string): string | undefined => resolveTarget({ flag, config: {}, env: {} }).batchUrl?.href;
    expect(batch('https://x.test/api/events?a=1')).toBe('https://x.test/api/events/batch?a=1');
    expect(batch('https://x.test/hook')).toBeUndefined();
  });

  test('is shown without what may be secret in it', () => {
    const { shown } = resolveTarget({ flag: 'https://u:p4ss@x.test/events?token=t0ken#f', config: {}, env: {} });
    expect(shown).toBe('https://x.test/events');
  });

  test('is on this machine tried with IPv4 first, and elsewhere as it is', () => {
    expect(addressesOf(new URL('http://localhost:3030/events'))).toEqual([
      'http://127.0.0.1:3030/events',
      'http://[::1]:3030/events',
    ]);
    expect(addressesOf(new URL('http://x.test/events'))).toEqual(['http://x.test/events']);
  });
});

describe('the key of the config file', () => {
  const config = { url: 'https://mine.test/events', apiKey: 'file-key' };
  const keyFor = (options: Omit<Parameters<typeof resolveTarget>[0], 'config'>): string | undefined =>
    resolveTarget({ ...options, config }).key;

  test('goes to the origin that the file names', () => {
    expect(keyFor({ env: { HOOK_API_KEY: 'env-key' } })).toBe('file-key');
    expect(keyFor({ flag: 'https://mine.test/other', env: {} })).toBe('file-key');
  });

  test('goes nowhere else, not even where a port or the protocol differs', () => {
    for (const flag of ['https://evil.test/events', 'http://mine.test/events', 'https://mine.test:8443/events']) {
      expect(keyFor({ flag, env: {} })).toBeUndefined();
      expect(keyFor({ flag, env: { HOOK_API_KEY: 'env-key' } })).toBe('env-key');
    }
    const alone = { apiKey: 'file-key' };
    const env = { HOOK_BACKEND_URL: 'https://evil.test/events' };
    expect(resolveTarget({ config: alone, env }).key).toBeUndefined();
    expect(resolveTarget({ config: alone, env: {} }).key).toBe('file-key');
  });

  test('is known as such, may end in a line break, and is refused where a header cannot hold it', () => {
    const read = (apiKey: string | undefined, HOOK_API_KEY?: string) =>
      resolveTarget({ config: { url: 'https://mine.test/events', apiKey }, env: { HOOK_API_KEY } });
    expect(read('file-key\n')).toMatchObject({ key: 'file-key', isKeyConfigured: true });
    expect(read(undefined, ' env-key ')).toMatchObject({ key: 'env-key', isKeyConfigured: false });
    expect(() => read('a\nb')).toThrow('Expected send.apiKey to be ASCII');
    expect(() => read(undefined, 'schlüssel')).toThrow('Expected HOOK_API_KEY to be ASCII');
  });

  test('has a queue of its own for each target and key, whose name does not tell it', () => {
    const queue = (url: string, key: string): string =>
      resolveTarget({ flag: url, config: {}, env: { HOOK_API_KEY: key } }).queue;
    const one = queue('http://x.test/events', 'k1');
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(queue('http://x.test/events', 'k1')).toBe(one);
    expect(queue('http://x.test/events', 'k2')).not.toBe(one);
    expect(queue('http://x.test/other', 'k1')).not.toBe(one);
  });
});
