import type pg from 'pg';
import type { Logger } from 'pino';
import type { TemporalGateway } from './temporal.js';

/** What the starts and commands of tasks need to reach their workflows. */
export interface TemporalParts {
  pool: pg.Pool;
  temporal: TemporalGateway;
  log: Logger;
}
