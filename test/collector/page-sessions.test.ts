import { describe, expect, test } from 'bun:test';
import { get, withDashboard } from './dashboard.ts';
import { dayOfEvents } from './day.ts';
import { event } from './events.ts';

const NOW = Date.parse('2026-11-21T16:42:10Z');
const FIXED = { now: () => NOW };
const SESSION = '3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90';
const day = () => dayOfEvents(NOW);
const none = () => [];

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
