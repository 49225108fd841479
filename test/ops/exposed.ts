/** What the collector's own registry exposes, with every metric used once; and what an expression of Prometheus asks for. */
import { createMetrics } from '../../src/collector/metrics.ts';
import type { EventRecord } from '../../src/events.ts';

/** Labels by the name of a series: of a histogram those of its buckets, sum and count. */
export type Exposed = ReadonlyMap<string, ReadonlySet<string>>;

const APPROVAL: EventRecord = {
  ...{ event_id: 'one', event_type: 'approval.decided', session_id: 's', data: { outcome: 'expired' } },
  ...{
    workflow_id: null,
    phase_id: null,
    milestone_id: null,
    timestamp: '2026-11-21T09:00:00.000Z',
    id: 'one',
    seq: 1,
  },
  ...{ kind: 'approval.decided', agent: 'claude', project: null, host: null, tool: null, src: 'approval' },
};

export async function exposed(): Promise<Exposed> {
  const metrics = createMetrics({ uptimeMs: () => 1, depth: () => 1, pending: () => 1, isSlackConnected: () => true });
  metrics.received('hook', 1);
  metrics.refused('key');
  metrics.flushed({ events: 1, stored: 1, duplicates: 0, tookMs: 1 });
  metrics.approval(APPROVAL, 1_000);
  const series = new Map<string, Set<string>>();
  for (const { name, type, values } of (await metrics.json()) as readonly Rendered[])
    for (const { metricName = name, labels } of values) {
      const known = series.get(metricName) ?? new Set();
      series.set(metricName, known);
      for (const label of Object.keys(labels)) known.add(label);
      if (type === 'histogram' && metricName === name) throw new Error(`Expected the parts of ${name}, got it alone`);
    }
  return series;
}

interface Rendered {
  readonly name: string;
  readonly type: string;
  readonly values: readonly { readonly metricName?: string; readonly labels: Readonly<Record<string, unknown>> }[];
}

export interface Asked {
  readonly metrics: readonly string[];
  /** In braces and behind by, without, on, ignoring. */
  readonly labels: readonly string[];
}

const WORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'group_left', 'group_right', 'inf', 'nan']);
const NAME = /[a-zA-Z_:][\w:]*/g;

/** Names in an expression. Strings, ranges and numbers are taken out first; what stands before `(` is a function. */
export function asked(expression: string): Asked {
  const labels: string[] = [];
  const rest = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b\d[\w.]*/g, '')
    .replaceAll(/\b(by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, _word: string, names: string) => {
      labels.push(...(names.match(NAME) ?? []));
      return ' ';
    })
    .replaceAll(/\{([^}]*)\}/g, (_, matchers: string) => {
      labels.push(...(matchers.match(NAME) ?? []));
      return ' ';
    });
  const metrics = [...rest.matchAll(/([a-zA-Z_:][\w:]*)(\s*\()?/g)].flatMap(([, name = '', call]) =>
    call !== undefined || WORDS.has(name.toLowerCase()) ? [] : [name],
  );
  return { metrics, labels };
}
