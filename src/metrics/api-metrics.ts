import type pg from 'pg';
import { Gauge, Histogram, type Registry } from 'prom-client';
import { KINDS, STATES } from '../contract/states.js';
import { createLedgerReader } from '../tasks/ledger-figures.js';
import { createRegistry, SECONDS } from './registry.js';

/** The metrics of an API process. No label names a user, a task or a table. */
export interface ApiMetrics {
  /** Returns all of them as Prometheus reads them, those of the ledger as they are now. */
  scrape(): Promise<string>;
  contentType: string;
  /** Seconds of a command until no row of the task can commit; label `action`. */
  commands: Histogram<'action'>;
  /** Seconds of a request; labels `method`, `route` (its pattern) and `status`. */
  requests: Histogram<'method' | 'route' | 'status'>;
  /** Seconds of a round of the reconciler; label `outcome`. */
  reconciler: Histogram<'outcome'>;
}

/**
 * Makes the metrics of an API process.
 * @param pools by their names; `reads` also answers the queries over the ledger, at each scrape
 */
export function createApiMetrics(pools: { reads: pg.Pool } & Record<string, pg.Pool>): ApiMetrics {
  const registry = createRegistry(pools);
  const registers = [registry];
  const readLedger = registerLedger(registry, pools.reads);
  return {
    scrape: () => readLedger().then(() => registry.metrics()),
    contentType: registry.contentType,
    commands: new Histogram({
      name: 'long_task_command_seconds',
      help: 'Time from a command of the API until the task row is changed: after a pause or terminate no row can commit',
      labelNames: ['action'] as const,
      buckets: SECONDS,
      registers,
    }),
    requests: new Histogram({
      name: 'long_task_http_request_seconds',
      help: 'Time of an HTTP request by the pattern of its route',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
      registers,
    }),
    reconciler: new Histogram({
      name: 'long_task_reconciler_round_seconds',
      help: 'Time of a round of the reconciler, which follows changes made directly in Temporal',
      labelNames: ['outcome'] as const,
      buckets: [0.01, 0.1, 1, 10],
      registers,
    }),
  };
}

/** Registers the gauges over the ledger. Returns what sets them, by one look at PostgreSQL; it never rejects. */
function registerLedger(registry: Registry, pool: pg.Pool): () => Promise<void> {
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const tasks = gauge('long_task_tasks', 'Tasks, also those that gave up their names', 'kind', 'state');
  const messages = gauge('long_task_outbox_messages', 'Starts and commands that are not delivered to Temporal yet');
  const oldest = gauge('long_task_outbox_oldest_seconds', 'Age of the oldest of them');
  const workers = gauge('long_task_workers', 'Workers that gave a sign of life within 15 s');
  const isUp = gauge('long_task_database_up', 'Whether PostgreSQL answered; at 0 the figures of the ledger are old');
  const read = createLedgerReader(pool);
  return async () => {
    const figures = await read().catch(() => null);
    isUp.set(figures ? 1 : 0);
    if (!figures) return;
    // Also those of which there are none: a series that vanishes raises no alert.
    for (const kind of KINDS) for (const state of STATES) tasks.set({ kind, state }, 0);
    for (const { kind, state, count } of figures.tasks) tasks.set({ kind, state }, count);
    messages.set(figures.outbox.messages);
    oldest.set(figures.outbox.oldestSeconds);
    workers.set(figures.workers);
  };
}
