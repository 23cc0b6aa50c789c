import type pg from 'pg';
import type { Config } from '../config.js';
import type { StreamingInspections } from '../intake/streaming-inspection.js';
import type { Logger } from '../log.js';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import type { Store } from '../storage/store.js';
import type { Exportable } from '../tables/find-table.js';
import type { SnapshotReader } from '../tasks/snapshot-reader.js';
import type { TemporalGateway } from '../temporal/temporal.js';

/** What the routes are given when the app is built. */
export interface ApiContext {
  config: Pick<Config, 'MAX_UPLOAD_BYTES' | 'RETENTION_DAYS'> &
    Partial<Pick<Config, 'HOST' | 'ALLOWED_HOSTS' | 'ALLOWED_ORIGINS'>>;
  pool: pg.Pool;
  /** Reads single tasks, by connections of `pool`. */
  snapshots: SnapshotReader;
  /** Which tables may be exported, and the sessions that may read them. */
  exportable: Exportable;
  /**
   * Connections of the commands alone, which may wait in them for a fence: reads and starts then find some, and the
   * other way round.
   */
  commandPool: pg.Pool;
  /** Connections of requests that other sessions can block, by a lock on a user's table. */
  tablePool: pg.Pool;
  store: Store;
  temporal: TemporalGateway;
  log: Logger;
  metrics: ApiMetrics;
  /** Inspects files while they arrive. */
  inspections: StreamingInspections;
  /** The file that an upload without a file loads. */
  sampleFile: string;
  /** False until the database's schema is up to date: everything but the health checks answers 503 then. */
  isReady: () => boolean;
}
