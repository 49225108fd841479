/** What the collector tells Prometheus. Labels have few values: no session, no name that a sender makes up. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EventRecord } from '../events.ts';
import type { Flush } from './ingest.ts';

export interface MetricsOptions {
  /** Milliseconds since the start. */
  readonly uptimeMs: () => number;
  readonly depth: () => number;
  readonly pending: () => number;
  /** Undefined where no daemon with Slack is there to ask. */
  readonly isSlackConnected?: (() => boolean) | undefined;
}

export interface Metrics {
  received(form: 'hook' | 'typed', events: number): void;
  refused(reason: string): void;
  flushed(flush: Flush): void;
  /** An approval that has come to its end. */
  approval(ended: EventRecord, waitedMs: number | undefined): void;
  /** Text of Prometheus' format 0.0.4. */
  text(): Promise<string>;
  json(): Promise<unknown>;
  readonly contentType: string;
}

/** Seconds: a click takes some, a lunch takes an hour. */
const WAIT_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];
const FLUSH_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

const AGENTS: ReadonlySet<string> = new Set(['claude', 'codex', 'cursor', 'gemini', 'opencode']);
const OUTCOMES: ReadonlySet<string> = new Set([
  ...['allowed', 'denied', 'expired', 'withdrawn', 'elsewhere', 'unknown', 'stopped', 'undeliverable'],
]);

export function createMetrics({ uptimeMs, depth, pending, isSlackConnected }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read());
      },
    });
  };
  const received = new Counter({
    ...{ name: 'hooks_events_received_total', help: 'Events that requests held', labelNames: ['form'], registers },
  });
  const stored = new Counter({ name: 'hooks_events_stored_total', help: 'Events that the store has taken', registers });
  const duplicates = new Counter({
    ...{ name: 'hooks_events_duplicates_total', help: 'Events that the store had already', registers },
  });
  const errors = new Counter({
    ...{ name: 'hooks_storage_errors_total', help: 'Writes that the store could not do', registers },
  });
  const refused = new Counter({
    ...{ name: 'hooks_requests_refused_total', help: 'Requests that nothing was stored of', labelNames: ['reason'] },
    registers,
  });
  const batch = new Histogram({
    ...{ name: 'csh_ingest_batch_seconds', help: 'Time that a write to the store took', buckets: FLUSH_BUCKETS },
    registers,
  });
  const approvals = new Counter({
    ...{ name: 'csh_approvals_total', help: 'Requests for approval that have ended', labelNames: ['outcome', 'agent'] },
    registers,
  });
  const wait = new Histogram({
    ...{ name: 'csh_approval_wait_seconds', help: 'Time from the question to its end', buckets: WAIT_BUCKETS },
    registers,
  });
  const expired = new Counter({
    ...{ name: 'csh_pending_expired_total', help: 'Requests for approval that nobody answered in time', registers },
  });
  for (const form of ['hook', 'typed']) received.inc({ form }, 0);
  gauge('hooks_uptime_seconds', 'Time since the start', () => uptimeMs() / 1000);
  gauge('csh_queue_depth', 'Events that wait for the store', depth);
  gauge('csh_pending', 'Requests for approval that wait for a person', pending);
  if (isSlackConnected !== undefined)
    gauge('csh_slack_connected', 'Whether the daemon is connected to Slack', () => (isSlackConnected() ? 1 : 0));

  return {
    received: (form, events) => received.inc({ form }, events),
    refused: (reason) => refused.inc({ reason }),
    flushed: (flush) => {
      batch.observe(flush.tookMs / 1000);
      if (flush.error !== undefined) errors.inc();
      stored.inc(flush.stored);
      duplicates.inc(flush.duplicates);
    },
    approval: ({ data, agent }, waitedMs) => {
      const given = typeof data === 'object' && data !== null ? String(Reflect.get(data, 'outcome')) : '';
      const outcome = OUTCOMES.has(given) ? given : 'unknown';
      approvals.inc({ outcome, agent: agent !== null && AGENTS.has(agent) ? agent : 'unknown' });
      if (waitedMs !== undefined) wait.observe(waitedMs / 1000);
      if (outcome === 'expired') expired.inc();
    },
    text: () => registry.metrics(),
    json: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  };
}
