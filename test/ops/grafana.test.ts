/** The dashboard and the alerts that we ship ask for nothing that the collector does not expose. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asked, exposed } from './exposed.ts';

const PLACE = join(import.meta.dir, '../../docs/grafana');
/** What Prometheus itself adds to every target. */
const OF_TARGETS = ['job', 'instance'];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly id: null;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  readonly panels: readonly Panel[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const dashboard: Dashboard = JSON.parse(readFileSync(join(PLACE, 'dashboard.json'), 'utf8'));
const alerts = Bun.YAML.parse(readFileSync(join(PLACE, 'alerts.yaml'), 'utf8')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = alerts.groups.flatMap((group) => group.rules);
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Of Prometheus' own metric only the alerts know. */
async function expectKnown(expression: string, own: readonly string[] = []): Promise<void> {
  const known = await exposed();
  const { metrics, labels } = asked(expression);
  expect(metrics.length).toBeGreaterThan(0);
  for (const metric of metrics) if (!own.includes(metric)) expect([...known.keys()]).toContain(metric);
  const possible = new Set([...OF_TARGETS, ...metrics.flatMap((metric) => [...(known.get(metric) ?? [])])]);
  for (const label of labels) expect([...possible]).toContain(label);
}

test('names are told from functions, labels, strings and times in an expression', () => {
  expect(
    asked('sum by (le, job) (rate(a_bucket{x="b{c}", y=~"d"}[5m])) / 1e3 > 2.5 and on (z) f_total offset 5m'),
  ).toEqual({
    metrics: ['a_bucket', 'f_total'],
    labels: ['le', 'job', 'z', 'x', 'y'],
  });
});

test('a histogram is known by its buckets, sum and count, and a counter by its labels', async () => {
  const known = await exposed();
  expect([...(known.get('csh_ingest_batch_seconds_bucket') ?? [])]).toEqual(['le']);
  expect([...(known.get('csh_approvals_total') ?? [])].sort()).toEqual(['agent', 'outcome']);
  expect(known.has('csh_ingest_batch_seconds')).toBe(false);
  expect(known.has('csh_approval_wait_seconds_sum')).toBe(true);
  expect(known.has('csh_slack_connected')).toBe(true);
});

describe('the dashboard', () => {
  test.each(expressions)('asks for what there is: %s', (expression) => expectKnown(expression));

  test('shows every metric that there is', async () => {
    const shown = new Set(expressions.flatMap((expression) => asked(expression).metrics));
    const hidden = [...(await exposed()).keys()].filter((name) => !shown.has(name) && !/_(sum|count)$/.test(name));
    expect(hidden).toEqual([]);
  });

  test('is one that Grafana 10 takes: panels with ids of their own, on a grid of 24, that do not cover each other', () => {
    expect(dashboard).toMatchObject({ uid: 'claude-slack-hook', id: null });
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(38);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
    }
  });

  test('says of every panel what it shows, with a unit and the data source that was chosen', () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names).toEqual(['datasource', 'instance']);
    for (const { type, title, description, datasource, fieldConfig, targets = [] } of dashboard.panels) {
      expect([title, ['row', 'stat', 'timeseries'].includes(type)]).toEqual([title, true]);
      if (type === 'row') continue;
      expect([title, (description ?? '').length > 10, fieldConfig?.defaults.unit !== undefined]).toEqual([
        title,
        true,
        true,
      ]);
      expect(datasource).toEqual({ type: 'prometheus', uid: `$\{datasource}` });
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets)
        for (const [, name = ''] of expr.matchAll(/"\$(\w+)"/g)) expect(names).toContain(name);
    }
  });
});

describe('the alerts', () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr]))('ask for what there is: %s', (_, expression) =>
    expectKnown(expression, ['up']),
  );

  test('have names of their own, a severity, a time that Prometheus reads, and words for people', () => {
    expect(rules.length).toBeGreaterThan(5);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, for: time = '1m', labels, annotations } of rules) {
      expect([alert, /^\d+[smh]$/.test(time)]).toEqual([alert, true]);
      expect(['warning', 'critical']).toContain(labels.severity ?? '');
      expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    }
  });
});
