import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { SECONDS } from './registry.js';

/** The used part of a fixed number, and the number of waiters where there are any to count. */
export interface Occupancy {
  taken: number;
  free: number;
  waiting?: number;
}

/** The metrics of a worker's steps. No label names a user, a task or a table. */
export class WorkerMetrics {
  readonly #rows: Counter<'kind'>;
  readonly #bytes: Counter<'kind'>;
  readonly #rejects: Counter;
  readonly #fence: Histogram;
  readonly #copy: Histogram;
  readonly #commit: Histogram;
  readonly #registry: Registry;

  constructor(registry = new Registry()) {
    const registers = [registry];
    const seconds = (name: string, help: string) => new Histogram({ name, help, buckets: SECONDS, registers });
    const byKind = (name: string, help: string) =>
      new Counter({ name, help, labelNames: ['kind'] as const, registers });
    this.#registry = registry;
    this.#rows = byKind('long_task_rows_total', 'Rows loaded or exported, as committed');
    this.#bytes = byKind('long_task_bytes_total', 'Bytes of CSV loaded or exported, as committed');
    this.#rejects = new Counter({ name: 'long_task_rejects_total', help: 'Rows set aside as rejects', registers });
    this.#fence = seconds('long_task_fence_seconds', 'Time of a batch to enter the fence');
    this.#copy = seconds('long_task_batch_seconds', 'Time of a batch inside the fence until all its rows are sent');
    this.#commit = seconds('long_task_commit_seconds', 'Time of a batch for its COMMIT');
  }

  /** Reports the permits or slots in use at each scrape. */
  watch(name: 'permits' | 'slots', help: string, usage: () => Occupancy): void {
    new Gauge({
      name: `long_task_${name}`,
      help,
      labelNames: ['state'] as const,
      registers: [this.#registry],
      collect() {
        for (const [state, count] of Object.entries(usage())) this.set({ state }, count);
      },
    });
  }

  /** Starts the clock of a batch; each of its calls ends one section, the last one counts the batch. */
  startBatch(): BatchClock {
    let last = performance.now();
    const lap = (histogram: Histogram) => {
      const now = performance.now();
      histogram.observe((now - last) / 1000);
      last = now;
    };
    return {
      entered: () => lap(this.#fence),
      sent: () => lap(this.#copy),
      committed: ({ rows, rejected, bytes }) => {
        lap(this.#commit);
        this.#rows.inc({ kind: 'upload' }, rows);
        this.#bytes.inc({ kind: 'upload' }, bytes);
        this.#rejects.inc(rejected);
      },
    };
  }

  /** Counts a part of an export once it is recorded. */
  dumped({ rows, size }: { rows: number; size: number }): void {
    this.#rows.inc({ kind: 'download' }, rows);
    this.#bytes.inc({ kind: 'download' }, size);
  }
}

/** Measures the three sections of a batch's transaction. */
export interface BatchClock {
  entered(): void;
  sent(): void;
  committed(batch: { rows: number; rejected: number; bytes: number }): void;
}
