import { describe, expect, test } from 'bun:test';
import { type CollectorSection, checkExposure, readSections, resolveCollector } from '../../src/collector/config.ts';

const errorOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return 'none';
};

describe('the settings of a collector', () => {
  test('have defaults', () => {
    expect(resolveCollector({}, {}, {})).toMatchObject({
      ...{
        port: 3030,
        host: '127.0.0.1',
        storage: 'jsonl',
        jsonlPath: '.agentic/analytics/events.jsonl',
        logLevel: 'info',
      },
      ...{ isKeyed: true, apiKey: undefined, rate: undefined, eventDays: 30, approvalDays: 365, isBehindProxy: false },
    });
  });

  test('come from flags, then from the environment, then from the config file', () => {
    const config: CollectorSection = {
      port: 1,
      host: 'c',
      storage: 'postgres',
      databaseUrl: 'postgres://c/d',
      jsonlPath: '/c',
      rate: 3,
      allowedHosts: ['c.example'],
    };
    const env = {
      PORT: '2',
      HOST: 'e',
      STORAGE_TYPE: 'jsonl',
      DATABASE_URL: 'postgres://e/d',
      JSONL_PATH: '/e',
      ALLOWED_HOSTS: 'e.example, f.example,',
    };
    const flags = { port: '3', host: 'f', storage: 'auto', 'jsonl-path': '/f', 'allow-host': 'g.example', rate: '4' };
    expect(resolveCollector({}, {}, config)).toMatchObject({
      port: 1,
      host: 'c',
      storage: 'postgres',
      jsonlPath: '/c',
      rate: 3,
      allowedHosts: ['c.example'],
    });
    expect(resolveCollector({}, env, config)).toMatchObject({
      port: 2,
      host: 'e',
      storage: 'jsonl',
      databaseUrl: 'postgres://e/d',
      jsonlPath: '/e',
      allowedHosts: ['e.example', 'f.example', 'c.example'],
    });
    expect(resolveCollector(flags, env, config)).toMatchObject({
      port: 3,
      host: 'f',
      storage: 'postgres',
      jsonlPath: '/f',
      rate: 4,
      allowedHosts: ['g.example', 'c.example'],
    });
    expect(
      resolveCollector(
        {},
        {
          PORT: '',
          HOST: '',
          STORAGE_TYPE: '',
          DATABASE_URL: '',
          JSONL_PATH: '',
          HOOK_AUTH: '',
          HOOK_API_KEY: '',
          LOG_LEVEL: '',
        },
        {},
      ),
    ).toMatchObject({ port: 3030, storage: 'jsonl', isKeyed: true, apiKey: undefined });
  });

  test('that are wrong are named', () => {
    const cases = [
      [{}, { STORAGE_TYPE: 'postgres' }, 'bad-config: Expected DATABASE_URL for STORAGE_TYPE=postgres, got none'],
      [{}, { STORAGE_TYPE: 'sqlite' }, 'bad-config: Expected STORAGE_TYPE to be auto, postgres or jsonl, got "sqlite"'],
      [{}, { PORT: '65536' }, 'bad-config: Expected PORT to be a port from 0 to 65535, got "65536"'],
      [{ port: '1e3' }, {}, 'usage: Expected --port to be a port from 0 to 65535, got "1e3"'],
      [{ rate: '0' }, {}, 'usage: Expected --rate to be a number of events a second, got "0"'],
      [{}, { HOOK_AUTH: 'OFF' }, 'bad-config: Expected HOOK_AUTH to be on or off, got "OFF"'],
      [{ 'tls-cert': 'c' }, {}, 'usage: Expected --tls-cert and --tls-key together, got one of them'],
    ] as const;
    for (const [flags, env, said] of cases) expect(errorOf(() => resolveCollector(flags, env, {}))).toBe(said);
    expect(errorOf(() => resolveCollector({}, { LOG_LEVEL: 'loud' }, {}))).toStartWith(
      'bad-config: Expected LOG_LEVEL',
    );
    for (const [given, level] of [
      ['INFO', 'info'],
      ['WARNING', 'warn'],
      ['critical', 'fatal'],
      ['Debug', 'debug'],
    ] as const)
      expect(resolveCollector({}, { LOG_LEVEL: given }, {}).logLevel).toBe(level);
  });

  test('of the config file are checked, and no secret in them is repeated', () => {
    const cases = [
      ['text', 'to hold one JSON object'],
      [{ collector: null }, 'collector in /c to be an object'],
      [{ collector: { prot: 1 } }, 'Unknown key collector.prot in /c'],
      [{ collector: { port: 0 } }, 'collector.port in /c to be a whole number, at least 1, got 0'],
      [{ collector: { storage: 'x' } }, 'got "x"'],
      [{ send: { url: '', apiKey: 's3cret' } }, 'send.url in /c to be a text that is not empty'],
      [{ send: { url: 'u', apiKey: ['s3cret'] } }, 'send.apiKey in /c'],
      [{ collector: { databaseUrl: { s3cret: 1 } } }, 'collector.databaseUrl in /c'],
    ] as const;
    for (const [config, said] of cases) {
      const error = errorOf(() => readSections(config, '/c'));
      expect(error).toStartWith('bad-config: ');
      expect(error).toContain(said);
      expect(error).not.toContain('s3cret');
    }
    expect(readSections({ other: 1 }, '/c')).toEqual({ collector: {}, send: {} });
  });
});

describe('exposure', () => {
  const said = (flags: Record<string, string | true>, env: Record<string, string>, hasKeys: boolean): string =>
    errorOf(() => checkExposure(resolveCollector(flags, env, {}), hasKeys));

  test('of loopback needs nothing', () => {
    for (const host of ['127.0.0.1', '127.8.9.10', 'localhost', '::1'])
      for (const env of [{}, { HOOK_AUTH: 'off' }, { HOOK_API_KEY: 'demo-key-12345' }])
        expect(said({ host }, env, false)).toBe('none');
  });

  test('of anything else, or behind a proxy, needs keys of its own, and TLS', () => {
    const tls = { 'tls-cert': 'c', 'tls-key': 'k' };
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      'hooks.example.com',
      '127.0.0.1.example.com',
      '::ffff:127.0.0.1',
    ]) {
      expect(said({ host }, {}, true)).toContain('Expected TLS or a proxy that has it to listen on');
      expect(said({ host, ...tls }, {}, false)).toContain('Expected a key to listen on');
      expect(said({ host, ...tls }, { HOOK_AUTH: 'off' }, true)).toContain(
        'Expected keys, not HOOK_AUTH=off, to listen on',
      );
      expect(said({ host, ...tls }, { HOOK_API_KEY: 'demo-key-12345' }, true)).toContain('Expected a key of your own');
      expect(said({ host, ...tls }, {}, true)).toBe('none');
      expect(said({ host, 'behind-proxy': true }, {}, true)).toBe('none');
    }
    const proxied = { 'behind-proxy': true } as const;
    expect(said(proxied, { HOOK_AUTH: 'off' }, false)).toContain('to listen behind a proxy');
    expect(said(proxied, { HOOK_API_KEY: 'demo-key-12345' }, true)).toContain('Expected a key of your own');
    expect(said(proxied, { HOOK_API_KEY: 'a long one' }, true)).toBe('none');
  });
});
