import { describe, expect, test } from 'bun:test';
import { get, rowIds, withDashboard } from './dashboard.ts';
import { dayOfEvents } from './day.ts';
import { event } from './events.ts';

const NOW = Date.parse('2026-11-21T16:42:10Z');
const FIXED = { now: () => NOW };
const day = () => dayOfEvents(NOW);
const none = () => [];

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
