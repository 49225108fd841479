/** docs/collector.md says what is so: its curl lines are sent as they stand there, and its tables hold what there is. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCollector } from '../../src/collector/collector.ts';
import { createKeyRing } from '../../src/collector/keys.ts';
import { type Serving, serve } from '../../src/collector/serve.ts';
import { VERBS } from '../../src/verbs.ts';
import { createMemoryStore } from '../collector/memory-store.ts';
import { exposed } from './exposed.ts';

const ROOT = join(import.meta.dir, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/collector.md'), 'utf8');
const CONFIG = readFileSync(join(ROOT, 'src/collector/config.ts'), 'utf8');

interface Command {
  readonly words: readonly string[];
  readonly answer: string;
}

/** What stands behind `$ ` up to its answer; a quote that is open goes on in the next line. */
function commandsOf(page: string): readonly Command[] {
  return [...page.matchAll(/^```console\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = ''] = /^(?:'[^']*'|"[^"]*"|\\\n|[^\n])*/.exec(text) ?? [];
        const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|([^\s\\'"]+)/g)].map(
          ([, single, double, bare]) => single ?? double ?? bare ?? '',
        );
        return { words, answer: text.slice(command.length).trim() };
      }),
  );
}

/** Of curl what the page uses: -X, -H, -d and a URL. */
function requestOf([, ...words]: readonly string[]): { readonly url: string; readonly init: RequestInit } {
  const headers = new Headers();
  let [url, method, body] = ['', '', ''];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift() ?? '';
    else if (word === '-d') body = words.shift() ?? '';
    else if (word === '-H') {
      const [name = '', ...value] = (words.shift() ?? '').split(': ');
      headers.set(name, value.join(': '));
    } else if (word.startsWith('-')) throw new Error(`Expected an option of curl that this test knows, got ${word}`);
    else url = word;
  }
  return { url, init: { method: method || (body === '' ? 'GET' : 'POST'), headers, ...(body === '' ? {} : { body }) } };
}

/** One with the example's key, and one without keys, as the page starts them. */
async function withCollectors(body: (places: Readonly<Record<string, Serving>>) => Promise<void>): Promise<void> {
  const open = async (isKeyed: boolean) => {
    const collector = await createCollector({
      ...{ store: createMemoryStore(), isKeyed, hosts: [], isLocal: true, isSecure: false, version: '1.2.3' },
      keys: createKeyRing({
        path: '/nonexistent/keys.json',
        fixed: [{ id: 'environment', key: 'demo-key-12345', scopes: ['ingest', 'read'] }],
      }),
      ...{ logger: { info: () => {}, warn: () => {}, error: () => {} }, webhooks: [] },
    });
    return { collector, server: serve({ host: '127.0.0.1', port: 0, fetch: collector.fetch }) };
  };
  const all = [await open(true), await open(false)] as const;
  try {
    await body({ '3030': all[0].server, '8080': all[1].server });
  } finally {
    for (const { collector, server } of all) {
      await server.stop(0);
      await collector.stop();
    }
  }
}

const curls = commandsOf(PAGE).filter(({ words }) => words[0] === 'curl');

test('the commands of the page are read as a shell reads them', () => {
  expect(curls.length).toBeGreaterThan(7);
  expect(requestOf(curls[0]?.words ?? [])).toMatchObject({
    url: 'http://localhost:3030/events',
    init: { method: 'POST', body: expect.stringContaining('"message": "Hello from curl!"') },
  });
  expect(curls[1]).toMatchObject({ answer: '{"success":false,"error":"Invalid API key"}' });
});

test('every curl line of the page is answered as it says, one after the other', () =>
  withCollectors(async (places) => {
    for (const { words, answer } of curls) {
      const { url, init } = requestOf(words);
      const asked = new URL(url);
      asked.port = String(places[asked.port]?.port);
      const response = await fetch(asked, init);
      expect([words.join(' '), await response.text()]).toEqual([words.join(' '), answer]);
      expect(response.headers.get('x-server-version')).toBe('1.2.3');
      expect(response.headers.get('x-events-count')).toMatch(/^\d+$/);
    }
  }));

describe('the tables of the page', () => {
  test('hold every flag, variable and key of the configuration', () => {
    const [, table = ''] = /^## Configuration\n(.*?)^## /ms.exec(PAGE) ?? [];
    for (const flag of [...VERBS.collect.switches, ...VERBS.collect.values]) expect(table).toContain(`\`--${flag}\``);
    const names = [...CONFIG.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) expect(table).toMatch(new RegExp(`\`${name}[=\`]`));
    const [, section = ''] = /const section = v\.strictObject\(\s*\{(.*?)^ {2}\},/ms.exec(CONFIG) ?? [];
    const keys = [...section.matchAll(/^ {4}(\w+):/gm)].map(([, key = '']) => key);
    expect(keys).toContain('webhooks');
    for (const key of keys) expect(table).toContain(`\`${key}\``);
  });

  test('hold every status that is given, and every metric', async () => {
    const answers = readFileSync(join(ROOT, 'src/collector/answers.ts'), 'utf8');
    const statuses = new Set(
      [...answers.matchAll(/(?:status: |trouble\()(\d{3})\b/g)].map(([, status = '']) => status),
    );
    expect(statuses.size).toBeGreaterThan(9);
    for (const status of statuses) expect(PAGE).toMatch(new RegExp(`^\\| (\\d{3}, )?${status}`, 'm'));
    for (const name of (await exposed()).keys())
      expect(PAGE).toContain(`\`${name.replace(/_seconds_(bucket|sum|count)$/, '_seconds')}`);
  });
});
