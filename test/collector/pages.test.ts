import { describe, expect, test } from 'bun:test';
import { PAGE_POLICY } from '../../src/collector/pages.ts';
import { type Dashboard, withDashboard } from './dashboard.ts';
import { approval, dayOfEvents, event } from './events.ts';

const NOW = Date.parse('2026-11-21T16:42:10Z');
const FIXED = { now: () => NOW };
const SESSION = '3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90';
const PATHS = ['', 'waiting', 'sessions', `sessions/${SESSION}`, 'insights'];
const day = () => dayOfEvents(NOW);
const none = () => [];

interface Got {
  readonly status: number;
  readonly html: string;
  readonly headers: Headers;
}

async function get({ url }: Dashboard, path: string): Promise<Got> {
  const response = await fetch(url + path);
  return { status: response.status, html: await response.text(), headers: response.headers };
}

const rowIds = (html: string): readonly string[] =>
  [...html.matchAll(/data-id="([^"]+)"/g)].map(([, id]) => String(id));

describe('every page', () => {
  test(
    'is sent under a strict policy, with nothing inline and nothing from elsewhere',
    withDashboard(
      day,
      async (dashboard) => {
        for (const path of [...PATHS, 'sessions/none', '?from=soon']) {
          const { html, headers } = await get(dashboard, path);
          expect(headers.get('content-security-policy')).toBe(PAGE_POLICY);
          expect(headers.get('cache-control')).toBe('no-store');
          expect(html).not.toMatch(
            /<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! type="module" src="\/assets\/[^"]+"><)/i,
          );
          for (const [, link] of html.matchAll(/(?:src|href|action)="([^"]*)"/g))
            expect(link).toMatch(/^(\/(?!\/)|#|https:\/\/example\.slack\.com\/)/);
          expect(html).not.toMatch(/\[object|undefined|NaN/);
        }
      },
      FIXED,
    ),
  );

  test(
    'takes at most 40 kB with style and island, compressed',
    withDashboard(
      day,
      async (dashboard) => {
        const sizes = [];
        for (const path of PATHS) {
          const { html } = await get(dashboard, path);
          const assets = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => String(name).slice(1));
          expect(assets.length).toBe(2);
          const bodies = [html, ...(await Promise.all(assets.map(async (name) => (await get(dashboard, name)).html)))];
          sizes.push(bodies.reduce((sum, body) => sum + Bun.gzipSync(body).byteLength, 0));
        }
        expect(Math.max(...sizes)).toBeLessThanOrEqual(40_000);
      },
      FIXED,
    ),
  );

  test(
    'of a store that does not answer says so, and tells the log why',
    withDashboard(none, async (dashboard) => {
      dashboard.store.fail();
      for (const path of ['', 'sessions', 'sessions/x', 'insights']) {
        const { status, html } = await get(dashboard, path);
        expect([path, status]).toEqual([path, 503]);
        expect(html).toContain('The record cannot be read');
        expect(html).toContain('Expected the store to answer, got nothing');
      }
      expect(dashboard.errors.length).toBe(4);
      // Who waits is known without the store.
      expect((await get(dashboard, 'waiting')).status).toBe(200);
    }),
  );

  test(
    'has nothing that decides: only GET is answered',
    withDashboard(
      day,
      async (dashboard) => {
        for (const path of [...PATHS, 'live'])
          for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
            expect((await fetch(dashboard.url + path, { method })).status).toBe(404);
        for (const path of PATHS) {
          const { html } = await get(dashboard, path);
          expect(html).not.toMatch(/method="post"|>\s*(approve|allow|deny)\s*</i);
        }
      },
      FIXED,
    ),
  );

  test(
    'has its files under names of their own, to be kept for ever',
    withDashboard(none, async (dashboard) => {
      const { html } = await get(dashboard, '');
      const names = [...html.matchAll(/"\/(assets\/[^"]+)"/g)].map(([, name]) => String(name));
      const types = [];
      for (const name of names) {
        const { status, headers } = await get(dashboard, name);
        expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
        types.push(headers.get('content-type'));
      }
      expect(types).toEqual(['text/css; charset=utf-8', 'text/javascript; charset=utf-8']);
      for (const name of ['assets/island.js', 'assets/..%2fpages.ts', 'assets/'])
        expect((await get(dashboard, name)).status).toBe(404);
    }),
  );
});

describe('Activity', () => {
  test(
    'has the newest events first, each with type, session, project, tool and its JSON',
    withDashboard(none, async (dashboard) => {
      await dashboard.add(
        event('first'),
        event('PreToolUse', {
          tool: 'Bash',
          session_id: 'abc',
          data: { session_name: 'night shift', tool_input: { command: 'ls -l' } },
        }),
      );
      const { html } = await get(dashboard, '');
      expect(html.indexOf('PreToolUse')).toBeLessThan(html.indexOf('>first<'));
      for (const text of [
        'night shift · abc',
        'href="/sessions/abc"',
        '>shop<',
        'Bash',
        'ls -l',
        '&quot;command&quot;: &quot;ls -l&quot;',
      ])
        expect(html).toContain(text);
    }),
  );

  test(
    'is turned page by page, without a gap',
    withDashboard(
      () => Array.from({ length: 120 }, () => event('x')),
      async (dashboard) => {
        const seen: string[] = [];
        let path = '';
        for (let pages = 0; pages < 3; pages += 1) {
          const { html } = await get(dashboard, path);
          seen.push(...rowIds(html));
          path = /href="\/(\?before=\d+)"/.exec(html)?.[1] ?? 'end';
        }
        expect([seen.length, new Set(seen).size, path]).toEqual([120, 120, 'end']);
        expect((await get(dashboard, '?before=1')).html).toContain('There are no older events.');
      },
    ),
  );

  test(
    'shows what is looked for, keeps it in its links and form, and follows it',
    withDashboard(
      day,
      async (dashboard) => {
        const { html } = await get(dashboard, '?kind=approval.&project=shop&q=staging');
        expect(rowIds(html).length).toBe(1);
        expect(html).toContain('value="approval." selected');
        expect(html).toContain('name="project" type="text" value="shop"');
        expect(html).toMatch(
          /data-live="\/live\?q=staging&amp;kind=approval\.&amp;project=shop&amp;view=activity&amp;after=\d+"/,
        );
        expect((await get(dashboard, '?q=nowhere')).html).toContain('No event fits.');
      },
      FIXED,
    ),
  );

  test(
    'says which time it could not read, and shows nothing else instead',
    withDashboard(
      day,
      async (dashboard) => {
        const { status, html } = await get(dashboard, '?from=soon');
        expect(status).toBe(400);
        expect(html).toContain('Expected from to be a time like 2026-11-21T14:30, got soon');
        expect(rowIds(html)).toEqual([]);
      },
      FIXED,
    ),
  );

  test(
    'loads itself again without JavaScript, unless it is told not to',
    withDashboard(
      day,
      async (dashboard) => {
        const refresh = '<noscript><meta http-equiv="refresh" content="2"/></noscript>';
        for (const path of ['', 'waiting']) {
          const { html } = await get(dashboard, path);
          expect(html).toContain(refresh);
          expect(html).toContain(`href="/${path}?refresh=off"`);
          expect((await get(dashboard, `${path}?refresh=off`)).html).not.toContain('http-equiv');
        }
        // Who reads older events wants to go on reading.
        expect((await get(dashboard, '?before=9000000000000000')).html).not.toContain('http-equiv');
      },
      FIXED,
    ),
  );

  test(
    'stays small however large the events are',
    withDashboard(none, async (dashboard) => {
      const huge = '"<&\u202E🙂'.repeat(150_000);
      await dashboard.add(
        ...Array.from({ length: 60 }, () =>
          event(huge, {
            session_id: huge,
            project: huge,
            tool: huge,
            host: huge,
            data: { prompt: huge, [huge]: huge, tool_input: { command: huge } },
            kind: 'prompt.submitted',
          }),
        ),
      );
      const { html, status } = await get(dashboard, '');
      expect([status, rowIds(html).length]).toEqual([200, 50]);
      expect(Buffer.byteLength(html)).toBeLessThan(200_000);
      expect(html).toContain('Cut here.');
      expect((await get(dashboard, 'sessions')).html.length).toBeLessThan(200_000);
    }),
    30_000,
  );

  test(
    'shows markup of agents as text, and writes out what cannot be seen',
    withDashboard(none, async (dashboard) => {
      const evil = '<img src=x onerror=alert(1)>';
      await dashboard.add(
        event(evil, {
          session_id: evil,
          project: evil,
          tool: evil,
          data: { message: '</pre><script>alert(2)</script>\u202Egnp' },
        }),
      );
      const { html } = await get(dashboard, '');
      expect(html).not.toMatch(/<img|<script>|<\/pre><script/);
      expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
      expect(html).toContain('&lt;/script&gt;⟦U+202E⟧gnp');
    }),
  );

  test(
    'of an empty store says how to send an event',
    withDashboard(none, async (dashboard) => {
      const { html } = await get(dashboard, '');
      expect(html).toContain('No event has come yet.');
      expect(html).toContain(`curl -X POST ${new URL(dashboard.url).origin}/events`);
    }),
  );
});

describe('Waiting', () => {
  test(
    'says who waits, how long, until when, who may answer, and where the card is',
    withDashboard(
      day,
      async (dashboard) => {
        const { html } = await get(dashboard, 'waiting');
        const text = html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
        for (const part of [
          'waits for 04:12',
          'since 16:37:58',
          'kubectl --context staging',
          'marta-laptop',
          'U02MARTA, U03JONAS',
          '16:47:28',
          '(05:18 left)',
          '00:47',
        ])
          expect(text).toContain(part);
        expect(html).toContain('href="https://example.slack.com/archives/D024BE91L/p');
        expect(html).toContain(`href="/sessions/${SESSION}"`);
        expect(text).toMatch(/No end known.*Write.*Answered lately/);
        expect(html).toContain('id="count" class="count some">2<');
      },
      FIXED,
    ),
  );

  test(
    'has no link but one of https',
    withDashboard(
      () => [
        approval(
          'approval.requested',
          'a',
          { approvers: ['U1'], expires_at: NOW + 1000 },
          { timestamp: new Date(NOW).toISOString() },
        ),
        approval(
          'approval.shown',
          'a',
          { approver: 'U1', link: 'javascript:alert(1)' },
          { timestamp: new Date(NOW).toISOString() },
        ),
      ],
      async (dashboard) => {
        const { html } = await get(dashboard, 'waiting');
        expect(html).not.toContain('javascript');
        expect(html).toContain('Shown in Slack.');
      },
      FIXED,
    ),
  );

  test(
    'says so when nobody waits',
    withDashboard(none, async (dashboard) => {
      expect((await get(dashboard, 'waiting')).html).toContain('Nobody waits for a person.');
    }),
  );
});

describe('Sessions', () => {
  test(
    'lists those that were heard of last, and finds some of them',
    withDashboard(
      day,
      async (dashboard) => {
        const { html } = await get(dashboard, 'sessions');
        expect(html.indexOf('nightly-4711')).toBeLessThan(html.indexOf(SESSION));
        const shop = (await get(dashboard, 'sessions?project=shop')).html;
        expect(shop).toContain(SESSION);
        expect(shop).not.toContain('nightly-4711');
        expect((await get(dashboard, 'sessions?project=none')).html).toContain('No session fits.');
      },
      FIXED,
    ),
  );

  test(
    'each have a page that tells prompt, tool, wait, decision and result',
    withDashboard(
      day,
      async (dashboard) => {
        const { html } = await get(dashboard, `sessions/${SESSION}`);
        const text = html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
        expect(text).toMatch(
          /without the discount.*git push --force origin main.*Waited.*1 min 35 s.*Denied by U02MARTA: Never force-push main/,
        );
        expect(text).toMatch(/npm test -- checkout.*Failed.*Exit code 1/);
        expect(text).toMatch(/Waits 04:12 for U02MARTA, U03JONAS Card in Slack/);
        expect(text).toContain('Allowed by the rule Bash(npm test *)');
      },
      FIXED,
    ),
  );

  test(
    'can have any name',
    withDashboard(none, async (dashboard) => {
      for (const name of ['a/b', '..', 'ü ?#%41', '<b>', 'x'.repeat(120)]) {
        await dashboard.add(event('named', { session_id: name, data: { note: `of ${name.length}` } }));
        const list = (await get(dashboard, 'sessions')).html;
        const link = [...list.matchAll(/href="\/(sessions\/[^"]+)"/g)][0]?.[1] ?? '';
        const { status, html } = await get(dashboard, link);
        expect([name, status, html.includes(`of ${name.length}`)]).toEqual([name, 200, true]);
      }
    }),
  );

  test(
    'that nobody heard of are not found',
    withDashboard(none, async (dashboard) => {
      const { status, html } = await get(dashboard, 'sessions/none');
      expect(status).toBe(404);
      expect(html).toContain('No event of a session none is stored.');
    }),
  );

  test(
    'that are long are told in parts, and stay small',
    withDashboard(
      () =>
        Array.from({ length: 450 }, () =>
          event('PreToolUse', {
            session_id: 'long',
            tool: 'Bash',
            data: { tool_input: { command: 'x'.repeat(5000) } },
          }),
        ),
      async (dashboard) => {
        const { html } = await get(dashboard, 'sessions/long');
        expect(Buffer.byteLength(html)).toBeLessThan(500_000);
        const earlier = /href="\/(sessions\/long\?before=\d+)"/.exec(html)?.[1] ?? '';
        expect((await get(dashboard, earlier)).html).toContain('Latest events');
      },
    ),
  );
});

describe('Insights', () => {
  test(
    'say how long people kept agents waiting',
    withDashboard(
      day,
      async (dashboard) => {
        const { html } = await get(dashboard, 'insights?days=1');
        const text = html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
        expect(text).toMatch(
          /Median wait 1 min 12 s .*95th percentile 9 min 30 s .*Answers 18 16 allowed, 2 denied.*Expired 1 .*Not asked 9/,
        );
        expect(text).toMatch(/By hour of the day.*By tool.*Edit.*By project.*By approver.*U02MARTA/);
      },
      FIXED,
    ),
  );

  test(
    'are of the time, project and tool that are looked for',
    withDashboard(
      day,
      async (dashboard) => {
        expect((await get(dashboard, 'insights?project=handbook&tool=WebFetch')).html).toContain(
          'No approval ended in this time.',
        );
        expect((await get(dashboard, 'insights?from=2026-11-20&to=2026-11-21')).html).toContain(
          'No approval ended in this time.',
        );
        expect((await get(dashboard, 'insights?tool=WebFetch')).html).toContain('WebFetch');
      },
      FIXED,
    ),
  );
});
