import { describe, expect, test } from 'bun:test';
import { get, withDashboard } from './dashboard.ts';
import { dayOfEvents } from './day.ts';
import { approval } from './events.ts';

const NOW = Date.parse('2026-11-21T16:42:10Z');
const FIXED = { now: () => NOW };
const SESSION = '3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90';
const day = () => dayOfEvents(NOW);
const none = () => [];

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
