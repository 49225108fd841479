/** A collector under those who hold connections, and who say what is no proper request. */
import { describe, expect, test } from 'bun:test';
import { DEMO_KEY, healthOf, post, TYPED, until, wire, withMachine } from './collectors.ts';
import { rssOf } from './processes.ts';

describe('whoever holds connections without saying anything whole', () => {
  const HEAD = `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${DEMO_KEY}\r\nContent-Type: application/json\r\n`;

  test(
    'is hung up on, and others are served meanwhile',
    () =>
      withMachine(async ({ collect }) => {
        const { url, port, pid } = await collect();
        const drips: Timer[] = [];
        const open = async (text: string, isDripping = false): Promise<Promise<void>> => {
          const { socket, closed } = await wire(port);
          socket.write(text);
          if (isDripping) drips.push(setInterval(() => socket.write('x'), 200));
          return closed;
        };
        try {
          const all = await Promise.all(
            Array.from({ length: 40 }, () => [
              open(''),
              open('POST /events HTTP/1.1\r\nHost: 127.'),
              open('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ', true),
              open(`${HEAD}Content-Length: 100000\r\n\r\n{`),
              open(`${HEAD}Content-Length: 100000\r\n\r\n{`, true),
              open(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":`, false),
            ]).flat(),
          );
          let isOver = false;
          const gone = Promise.all(all).then(() => {
            isOver = true;
          });
          while (!isOver) {
            const from = performance.now();
            expect((await post(`${url}/events`, TYPED)).status).toBe(202);
            expect(performance.now() - from).toBeLessThan(3_000);
            await until(() => isOver || performance.now() - from > 500, 'a moment');
          }
          await gone;
          expect(rssOf(pid)).toBeLessThan(400 * 1024 * 1024);
        } finally {
          for (const drip of drips) clearInterval(drip);
        }
      }),
    90_000,
  );
});

describe('what is no proper request', () => {
  const talk = async (port: number, text: string): Promise<string> => {
    const { socket, received, closed } = await wire(port);
    socket.write(text, 'latin1');
    const isSaid = (): boolean => /^HTTP\/1\.1 \d{3} [\s\S]*\r\n\r\n/.test(received());
    await Promise.race([closed, until(isSaid, `an answer to ${JSON.stringify(text.slice(0, 60))}`)]);
    await until(() => true, '');
    socket.destroy();
    return received();
  };
  const statusIn = (text: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  const AUTH = `Host: 127.0.0.1\r\nX-API-Key: ${DEMO_KEY}\r\nContent-Type: application/json\r\n`;

  test('gets a clear status or is hung up on, stores nothing, and leaves the others alone', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect();
      const { port, url } = collector;
      const body = JSON.stringify(TYPED);
      const cases: readonly (readonly [string, readonly number[]])[] = [
        ['\0\0\0\0\r\n\r\n', [0, 400]],
        ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [0, 400]],
        ['GET\r\n\r\n', [0, 400]],
        ['GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n', [0, 400, 505]],
        ['GET /health HTTP/1.1\r\n\r\n', [400, 421]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: abc\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: -5\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 99999999999999999999\r\n\r\n${body}`, [0, 400, 413]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08`, [415]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 0\r\n\r\n`, [400]],
        [`CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`, [0, 400, 404, 405, 421]],
        [`TRACE /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, [0, 400, 404, 405]],
        [
          'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
          [200, 400, 426],
        ],
        ['GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n', [0, 400, 421]],
        [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, [0, 400, 404, 414, 431]],
        [`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X-A: b\r\n'.repeat(5_000)}\r\n`, [0, 400, 431]],
        [`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${'b'.repeat(1_000_000)}\r\n\r\n`, [0, 400, 431]],
        ['GET /%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404]],
        ['GET /sessions/%00%ff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [401]],
        ['GET //evil.example/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404, 421]],
        ['GET /assets/../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404]],
      ];
      for (const [text, statuses] of cases) {
        const status = statusIn(await talk(port, text));
        if (!statuses.includes(status))
          throw new Error(`Expected ${statuses} to ${JSON.stringify(text.slice(0, 150))}, got ${status}`);
      }
      expect(await healthOf(collector)).toMatchObject({ status: 'healthy', events_count: 0 });
      expect((await post(`${url}/events`, TYPED)).status).toBe(202);
    }));

  test('of more than its limit in chunks gets 413, and what follows on its connection is not taken for a request', () =>
    withMachine(async ({ collect, lines }) => {
      const { port, url } = await collect();
      const inner = `POST /events HTTP/1.1\r\n${AUTH}Content-Length: ${JSON.stringify(TYPED).length}\r\n\r\n${JSON.stringify(TYPED)}`;
      const rest = `${'x'.repeat(1024 * 1024)}${inner}`;
      for (const path of ['/events', '/hooks/claude', '/login']) {
        const chunk = `${rest.length.toString(16)}\r\n${rest}\r\n`;
        const text = `POST ${path} HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
        expect([path, statusIn(await talk(port, text))]).toEqual([path, path === '/login' ? 401 : 413]);
        const stated = `POST ${path} HTTP/1.1\r\n${AUTH}Content-Length: ${rest.length}\r\n\r\n${rest}`;
        expect([path, statusIn(await talk(port, stated))]).toEqual([path, path === '/login' ? 401 : 413]);
      }
      // Refused by its head, with a body that looks like a request.
      const refused = await talk(
        port,
        `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      );
      expect(refused.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 401']);
      expect((await post(`${url}/events`, { ...TYPED, session_id: 'the only one' })).status).toBe(202);
      expect(lines()).toMatchObject([{ session_id: 'the only one' }]);
    }));

  test('that is a bomb of gzip is not unpacked', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect();
      const bomb = Bun.gzipSync(new Uint8Array(64 * 1024 * 1024));
      const before = rssOf(collector.pid);
      for (let time = 0; time < 20; time += 1)
        for (const path of ['/events', '/events/batch', '/hooks/claude', '/login']) {
          const answer = await fetch(`${collector.url}${path}`, {
            method: 'POST',
            body: bomb,
            headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-api-key': DEMO_KEY },
          });
          expect([path, answer.status]).toEqual([path, path === '/login' ? 401 : 415]);
        }
      expect(rssOf(collector.pid) - before).toBeLessThan(150 * 1024 * 1024);
      expect((await healthOf(collector)).events_count).toBe(0);
    }));

  test('and several of them before an answer are answered in their order, or hung up on with none of them acknowledged', () =>
    withMachine(async ({ collect, lines }) => {
      const { port } = await collect();
      const good = `POST /events HTTP/1.1\r\n${AUTH}Content-Length: ${JSON.stringify(TYPED).length}\r\n\r\n${JSON.stringify(TYPED)}`;
      const quick = 'GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
      for (const [text, count] of [
        [quick.repeat(5), 5],
        [`${good}${good}${quick}${good}`, 4],
      ] as const) {
        const { socket, received, closed } = await wire(port);
        socket.write(text);
        const statuses = (): readonly string[] => received().match(/HTTP\/1\.1 \d{3}/g) ?? [];
        await Promise.race([closed, until(() => statuses().length === count, 'as many answers')]);
        socket.destroy();
        expect(statuses().filter((line) => line.endsWith('202')).length).toBeLessThanOrEqual(lines().length);
      }
    }));
});
