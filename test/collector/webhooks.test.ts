import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { createWebhooks, type Webhooks, type WebhooksOptions } from '../../src/collector/webhooks.ts';
import { isPublicAddress } from '../../src/collector/webhooks-addresses.ts';
import { isMatch, webhookRules } from '../../src/collector/webhooks-rules.ts';
import { createRender } from '../../src/collector/webhooks-template.ts';
import type { EventRecord } from '../../src/events.ts';
import { CERTIFICATE, PRIVATE_KEY } from './webhooks-certificate.ts';

function event(change: Partial<EventRecord> = {}): EventRecord {
  return {
    ...{ event_id: 'e', event_type: 'SessionStart', session_id: 's-1', workflow_id: null, phase_id: null },
    ...{ milestone_id: null, data: { session_name: 'demo' }, timestamp: '2026-11-21T12:00:00.000Z', id: 'i', seq: 1 },
    ...{ kind: 'session.started', agent: 'claude', project: 'shop', host: null, tool: null, src: 'api' },
    ...change,
  };
}

const rulesOf = (value: unknown): WebhooksOptions['rules'] => v.parse(webhookRules, value);

interface Posted {
  readonly url: string;
  readonly init: BunFetchRequestInit;
}

/** Webhooks whose requests are answered by the test, and whose waits are over at once. */
function webhooks(rules: unknown, change: Partial<WebhooksOptions> = {}) {
  const posts: Posted[] = [];
  const waits: number[] = [];
  const warnings: string[] = [];
  const made = createWebhooks({
    rules: rulesOf(rules),
    logger: { warn: (details, message) => void warnings.push(`${message} ${JSON.stringify(details)}`) },
    resolve: async () => ['93.184.216.34'],
    wait: async (ms) => void waits.push(ms),
    ...change,
    fetch: async (url, init) => {
      posts.push({ url, init });
      return (await change.fetch?.(url, init)) ?? new Response('');
    },
  });
  return { ...made, posts, waits, warnings };
}

const bodies = (posts: readonly Posted[]): unknown[] => posts.map(({ init }) => JSON.parse(String(init.body)));

describe('a webhook', () => {
  test('is told of a new session from the example, and of nothing that the rule does not match', async () => {
    const { offer, stop, posts, status } = webhooks([
      { match: { kind: 'session.started' }, url: 'https://hooks.example.test/x' },
    ]);
    offer([event(), event({ kind: 'session.ended', event_type: 'SessionEnd' })]);
    await stop();
    expect(bodies(posts)).toEqual([{ text: 'New SessionStart event from demo' }]);
    expect(status()).toEqual([{ rule: 0, host: 'hooks.example.test', sent: 1, failed: 0, dropped: 0, waiting: 0 }]);
  });

  test('does not hold up whoever offers, and gets events in their order', async () => {
    const first = Promise.withResolvers<Response>();
    const { offer, stop, posts } = webhooks([{ url: 'https://x.test/', template: '{"n":"{{data.n}}"}' }], {
      fetch: async () => (posts.length === 1 ? first.promise : new Response('')),
    });
    offer(Array.from({ length: 10 }, (_, n) => event({ data: { n } })));
    expect(posts).toEqual([]);
    const ended = stop();
    first.resolve(new Response(''));
    await ended;
    expect(bodies(posts)).toEqual(Array.from({ length: 10 }, (_, n) => ({ n: String(n) })));
  });

  test('is tried three times with longer and longer waits, then the next event has its turn', async () => {
    const { offer, stop, posts, waits, warnings, status } = webhooks(
      [{ url: 'https://x.test/s3cret-path?token=s3cret', template: { type: '{{event_type}}' } }],
      { fetch: async (_url, { body }) => new Response('', { status: String(body).includes('bad') ? 503 : 200 }) },
    );
    offer([event({ event_type: 'bad' }), event({ event_type: 'good' })]);
    await stop();
    expect(bodies(posts)).toEqual([{ type: 'bad' }, { type: 'bad' }, { type: 'bad' }, { type: 'good' }]);
    expect(waits).toHaveLength(2);
    expect(waits[0]).toBeWithin(500, 1_001);
    expect(waits[1]).toBeWithin(2_000, 4_001);
    expect(status()).toMatchObject([{ sent: 1, failed: 1, dropped: 0 }]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('status 503');
    expect(warnings[0]).not.toContain('s3cret');
  });

  test.each([301, 302, 400, 401, 404])(
    'that answers %d is not tried again, and no redirect is followed',
    async (status) => {
      const answer = new Response('', { status, headers: { Location: 'http://127.0.0.1/' } });
      const { offer, stop, posts } = webhooks([{ url: 'https://x.test/' }], { fetch: async () => answer });
      offer([event()]);
      await stop();
      expect(posts).toHaveLength(1);
      expect(posts[0]?.init.redirect).toBe('manual');
    },
  );

  test('is left alone as long as it asks, within half a minute', async () => {
    const answers = ['7', '9999'].map((after) => new Response('', { status: 429, headers: { 'Retry-After': after } }));
    const { offer, stop, waits } = webhooks([{ url: 'https://x.test/' }], {
      fetch: async () => answers.shift() ?? new Response(''),
    });
    offer([event()]);
    await stop();
    expect(waits).toEqual([7_000, 30_000]);
  });

  test('that does not answer in time, or at all, is tried again', async () => {
    let tries = 0;
    const { offer, stop, status } = webhooks([{ url: 'https://x.test/' }], {
      timeoutMs: 20,
      fetch: async (_url, { signal }) => {
        tries += 1;
        if (tries === 1) throw Object.assign(new Error('https://x.test/s3cret'), { code: 'ECONNRESET' });
        if (tries === 3) return new Response('');
        const late = Promise.withResolvers<Response>();
        signal?.addEventListener('abort', () => late.reject(signal.reason));
        return late.promise;
      },
    });
    offer([event()]);
    await stop();
    expect(tries).toBe(3);
    expect(status()).toMatchObject([{ sent: 1, failed: 0 }]);
  });

  test('that does not keep up loses what is too much, counted and said once; others do not mind', async () => {
    const stuck = Promise.withResolvers<Response>();
    const { offer, stop, posts, warnings, status } = webhooks(
      [{ url: 'https://slow.test/' }, { url: 'https://quick.test/' }],
      {
        maxWaiting: 5,
        fetch: async (_url, { headers }) =>
          new Headers(headers).get('Host') === 'slow.test' ? stuck.promise : new Response(''),
      },
    );
    offer(Array.from({ length: 5 }, () => event()));
    offer(Array.from({ length: 3 }, () => event()));
    expect(status()).toMatchObject([{ dropped: 3 }, { dropped: 3 }]);
    expect(warnings).toHaveLength(2);
    const ended = stop();
    stuck.resolve(new Response(''));
    await ended;
    expect(status()).toMatchObject([{ sent: 5 }, { sent: 5 }]);
    expect(posts).toHaveLength(10);
    offer([event()]);
    expect(posts).toHaveLength(10);
  });

  test('does not keep the collector from ending', async () => {
    const { offer, stop, status } = webhooks([{ url: 'https://x.test/' }], {
      fetch: async (_url, { signal }) => {
        const late = Promise.withResolvers<Response>();
        signal?.addEventListener('abort', () => late.reject(signal.reason));
        return late.promise;
      },
    });
    offer([event(), event(), event()]);
    await stop(5);
    expect(status()).toMatchObject([{ sent: 0, failed: 1, dropped: 2, waiting: 0 }]);
  });
});

describe('a template', () => {
  const render = (template: unknown, change: Partial<EventRecord>, url = 'https://x.test/'): unknown =>
    JSON.parse(createRender(template, new URL(url))(event(change)));

  test('stays what it is, whatever an agent says', () => {
    const evil = '"},"text":"owned\\","x":"\n\u2028\ud800 {{session_id}} $& ';
    const text = render('{"text":"{{data.prompt}}!","n":1,"deep":[{"k":"{{tool}}"}]}', { data: { prompt: evil } });
    expect(text).toEqual({ text: `${evil.toWellFormed()}!`, n: 1, deep: [{ k: '' }] });
  });

  test('makes no mention or link of it in Slack', () => {
    const change = { data: { session_name: '<!channel> & <https://evil.test|here>' } };
    const slack = render(undefined, change, 'https://hooks.slack.com/services/T/B/x');
    expect(slack).toEqual({
      text: 'New SessionStart event from &lt;!channel&gt; &amp; &lt;https://evil.test|here&gt;',
    });
    expect(render(undefined, change)).toEqual({
      text: 'New SessionStart event from <!channel> & <https://evil.test|here>',
    });
  });

  test('shows objects as JSON, nothing for what is not there, and of long texts the beginning', () => {
    const data = { a: { b: [1] }, long: 'x'.repeat(5_000) };
    const shown = render(
      { a: '{{data.a}}', no: '{{data.a.b.map}}{{data.toString}}{{nope}}', l: '{{data.long}}' },
      { data },
    );
    expect(shown).toEqual({ a: '{"b":[1]}', no: '', l: `${'x'.repeat(1_000)}…` });
  });

  test.each<[Partial<EventRecord>, string]>([
    [{ data: { session_name: 'a' }, extra: { session_name: 'b' } }, 'a'],
    [{ data: null, extra: { session_name: 'b' } }, 'b'],
    [{ data: {}, meta: { 'x-session-name': 'c' } }, 'c'],
    [{ data: {}, meta: { session_name: 'unknown' } }, 'shop'],
    [{ data: {}, project: null }, 's-1'],
  ])('calls the session of %j %s', (change, name) => {
    expect(render('["{{session_name}}"]', change)).toEqual([name]);
  });
});

describe('a rule', () => {
  const fits = (match: object, change: Partial<EventRecord> = {}): boolean =>
    isMatch({ match }, event({ tool: 'mcp__github__search', ...change }));

  test('matches where all that it names fits', () => {
    expect(fits({})).toBe(true);
    expect(fits({ kind: 'session.started', type: 'SessionStart', agent: 'claude', project: 'shop' })).toBe(true);
    expect(fits({ kind: 'session.' })).toBe(true);
    expect(fits({ kind: 'session' })).toBe(false);
    expect(fits({ tool: 'mcp__*' })).toBe(true);
    expect(fits({ tool: '*__search' })).toBe(true);
    expect(fits({ tool: 'mcp__*__search*x' })).toBe(false);
    expect(fits({ project: 'other' })).toBe(false);
    expect(fits({ agent: 'claude', type: 'Stop' })).toBe(false);
    expect(fits({ project: 'shop' }, { project: null })).toBe(false);
    expect(fits({ project: '*' }, { project: null })).toBe(true);
  });

  test.each([
    [{ url: 'ftp://x.test' }, 'to be an http(s) URL'],
    [{ url: 'x' }, 'to be an http(s) URL'],
    [{ url: 'https://x.test', template: '{"n": {{data.n}}}' }, 'to be a text that holds JSON, or an object'],
    [{ url: 'https://x.test', template: 5 }, 'to be a text that holds JSON, or an object'],
    [{ url: 'https://x.test', allowPrivate: 'yes' }, 'to be true or false'],
    [{ url: 'https://x.test', match: { kind: '' } }, 'to be a text that is not empty'],
  ])('such as %j is refused: expected %s', (rule, message) => {
    const { success, issues } = v.safeParse(webhookRules, [rule]);
    expect(success).toBe(false);
    expect(issues?.[0].message).toBe(message);
  });

  test('has no keys that nobody knows', () => {
    expect(v.safeParse(webhookRules, [{ url: 'https://x.test', headers: {} }]).success).toBe(false);
    expect(v.safeParse(webhookRules, [{ url: 'https://x.test', match: { kinds: 'x' } }]).success).toBe(false);
  });
});

describe('an address', () => {
  test.each([
    ...['127.0.0.1', '127.9.9.9', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254'],
    ...['0.0.0.0', '100.64.0.1', '100.100.100.200', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...['168.63.129.16', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fe80::1%eth0',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
    ],
    ...['64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b:1::1', '2002:7f00:1::', '2001:0:1::1', '2001:db8::1'],
    ...['::127.0.0.1', '100::1', 'fec0::1', '', 'x', '1.2.3', '1.2.3.256', '01.2.3.4.5'],
  ])('such as %s is nobody’s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    ...['93.184.216.34', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::200e'],
    ...['::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2003::1'],
  ])('such as %s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  const isRefused = async (url: string, change: Partial<WebhooksOptions> = {}): Promise<boolean> => {
    const { offer, stop, posts, status, warnings } = webhooks([{ url }], change);
    offer([event()]);
    await stop();
    if (posts.length > 0) return false;
    expect(status()).toMatchObject([{ failed: 1 }]);
    expect(warnings[0]).toContain('not public');
    return true;
  };

  test.each([
    ...['http://127.0.0.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://127.1/'],
    ...['http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[64:ff9b::a00:1]/', 'http://169.254.169.254/latest/'],
  ])('such as that of %s gets no request', async (url) => {
    expect(await isRefused(url)).toBe(true);
  });

  test('that a name means gets none, not even when another one of it is public', async () => {
    expect(await isRefused('http://localhost:1/', { resolve: undefined as never })).toBe(true);
    expect(await isRefused('http://x.test/', { resolve: async () => ['8.8.8.8', '10.0.0.1'] })).toBe(true);
    expect(await isRefused('http://x.test/', { resolve: async () => [] })).toBe(true);
    expect(await isRefused('http://x.test/', { resolve: async () => ['8.8.8.8', '9.9.9.9'] })).toBe(false);
  });

  test('is asked for once, and the connection goes to it whatever the name means later', async () => {
    const answers = [['93.184.216.34'], ['127.0.0.1']];
    const { offer, stop, posts } = webhooks(
      [{ url: 'https://rebind.test:8443/a?b=c' }, { url: 'http://[2606:4700::1]/' }],
      {
        resolve: async () => answers.shift() ?? [],
      },
    );
    offer([event()]);
    await stop();
    expect(answers).toHaveLength(1);
    expect(posts.map(({ url }) => url).sort()).toEqual(['http://[2606:4700::1]/', 'https://93.184.216.34:8443/a?b=c']);
    const pinned = posts.find(({ url }) => url.startsWith('https'));
    expect(new Headers(pinned?.init.headers).get('Host')).toBe('rebind.test:8443');
    expect(pinned?.init.tls).toEqual({ serverName: 'rebind.test' });
  });

  test('of the other kind is tried when the first one leads nowhere', async () => {
    const { offer, stop, posts } = webhooks([{ url: 'https://x.test/' }], {
      resolve: async () => ['2606:4700::1', '2606:4700::2', '93.184.216.34'],
      fetch: async (url) => new Response('', { status: url.includes('93.') ? 200 : 503 }),
    });
    offer([event()]);
    await stop();
    expect(posts.map(({ url }) => url)).toEqual(['https://[2606:4700::1]/', 'https://93.184.216.34/']);
  });

  test('of this machine is reached where the rule allows it', async () => {
    const heard = Promise.withResolvers<unknown>();
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        heard.resolve([request.headers.get('host'), await request.json()]);
        return new Response('');
      },
    });
    const rules = rulesOf([{ url: `http://localhost:${server.port}/`, allowPrivate: true }]);
    const made = createWebhooks({ rules, logger: { warn: () => {} } });
    made.offer([event()]);
    expect(await heard.promise).toEqual([`localhost:${server.port}`, { text: 'New SessionStart event from demo' }]);
    await made.stop();
    await server.stop(true);
  });
});

describe('a connection to the address that was looked at', () => {
  /** A server for one name at 127.0.0.1, which the test takes for a public address by sending what goes there to it. */
  async function withServer(body: (run: (hostname: string) => Promise<Webhooks>, heard: string[]) => Promise<void>) {
    const heard: string[] = [];
    const server = Bun.serve({
      ...{ port: 0, hostname: '127.0.0.1', tls: { key: PRIVATE_KEY, cert: CERTIFICATE } },
      fetch: (request) => {
        heard.push(`${request.headers.get('host')}`);
        return new Response('');
      },
    });
    try {
      await body(async (hostname) => {
        const made = createWebhooks({
          rules: rulesOf([{ url: `https://${hostname}:${server.port}/` }]),
          logger: { warn: () => {} },
          resolve: async () => ['93.184.216.34'],
          wait: async () => {},
          fetch: (url, init) =>
            fetch(url.replace('93.184.216.34', '127.0.0.1'), { ...init, tls: { ...init.tls, ca: CERTIFICATE } }),
        });
        made.offer([event()]);
        await made.stop();
        return made;
      }, heard);
    } finally {
      await server.stop(true);
    }
  }

  test('still asks for the certificate of the name', () =>
    withServer(async (run, heard) => {
      expect((await run('hooks.example.test')).status()).toMatchObject([{ sent: 1 }]);
      expect(heard).toEqual([expect.stringMatching(/^hooks\.example\.test:\d+$/)]);
      expect((await run('other.example.test')).status()).toMatchObject([{ sent: 0, failed: 1 }]);
      expect(heard).toHaveLength(1);
    }));
});

test('over HTTP a webhook is told past a proxy of the environment, which would read its address', async () => {
  const seen = Promise.withResolvers<string>();
  const serve = (who: string) =>
    Bun.serve({
      ...{ hostname: '127.0.0.1', port: 0 },
      fetch: () => {
        seen.resolve(who);
        return new Response('');
      },
    });
  const [target, proxy] = [serve('target'), serve('proxy')];
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = proxy.url.href;
  const rules = rulesOf([{ url: `${target.url.href}secret`, allowPrivate: true }]);
  const { offer, stop } = createWebhooks({ rules, logger: { warn: () => {} } });
  try {
    offer([event()]);
    expect(await seen.promise).toBe('target');
  } finally {
    await stop();
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
    await Promise.all([target.stop(true), proxy.stop(true)]);
  }
});
