import { expect, test } from 'bun:test';
import net from 'node:net';
import { serve } from '../../src/collector/serve.ts';

/** Resolves with what was heard until the other side hung up. */
function talk(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard += bytes;
    });
    socket.on('close', () => resolve(heard));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  });
}

test('whoever is refused the stream of events is hung up on as everybody else, and whoever gets it is not', async () => {
  const quiet = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(': here')) });
  const server = serve({
    ...{ host: '127.0.0.1', port: 0, idleSeconds: 1 },
    fetch: ({ url }) =>
      url.endsWith('/live?key')
        ? new Response(quiet, { headers: { 'content-type': 'text/event-stream' } })
        : new Response('no', { status: 401 }),
  });
  const stream = talk(server.port, '/live?key');
  const first = await Promise.race([stream, talk(server.port, '/live').then((heard) => `refused ${heard}`)]);
  expect(first).toStartWith('refused HTTP/1.1 401');
  expect(await Promise.race([stream, talk(server.port, '/other').then(() => 'still there')])).toBe('still there');
  await server.stop(0);
  expect(await stream).toContain(': here');
}, 30_000);
