import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, stderrSink } from '../src/logger.ts';
import { openServerCollector } from '../src/server-collector.ts';
import { statePaths } from '../src/state.ts';

test('the key of approvals goes past a proxy that could read it, which a project may have named', async () => {
  const home = mkdtempSync(join(tmpdir(), 'csh-sender-'));
  const seen = Promise.withResolvers<string>();
  const serve = (who: string) =>
    Bun.serve({
      ...{ hostname: '127.0.0.1', port: 0 },
      fetch: ({ headers }) => {
        seen.resolve(`${who} ${headers.get('x-api-key')}`);
        return Response.json({});
      },
    });
  const [collector, proxy] = [serve('collector'), serve('proxy')];
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = proxy.url.href;
  const configFile = join(home, 'config.json');
  writeFileSync(configFile, JSON.stringify({ send: { url: `${collector.url.href}events`, apiKey: 'secret' } }));
  const opened = openServerCollector({
    ...{ state: statePaths({ HOME: home }), configFile, isCollector: false, token: () => '' },
    ...{ health: () => undefined, maskRules: () => [], logger: createLogger('silent', stderrSink) },
  });
  try {
    opened.note({ type: 'asked', at: 1_795_000_000_000, id: 'r', input: { cwd: '/shop' } });
    expect(await seen.promise).toBe('collector secret');
  } finally {
    await opened.stop();
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
    await Promise.all([collector.stop(true), proxy.stop(true)]);
    rmSync(home, { recursive: true, force: true });
  }
});
