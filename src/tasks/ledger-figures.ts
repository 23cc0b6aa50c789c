import type pg from 'pg';
import type { Kind, State } from '../contract/states.js';
import { LOOK_MS } from '../postgres/pool.js';
import { ANSWERING } from './workers.js';

/** What the ledger holds at this moment, over all users. */
export interface LedgerFigures {
  tasks: { kind: Kind; state: State; count: number }[];
  /** Messages for Temporal that are not delivered yet. */
  outbox: { messages: number; oldestSeconds: number };
  /** Workers that answer. */
  workers: number;
}

/** Returns a reader of the figures that monitoring shows, each time by one statement. */
export function createLedgerReader(pool: pg.Pool): () => Promise<LedgerFigures> {
  return async () => {
    const { rows } = await pool.query({
      name: 'ledger figures',
      text: FIGURES,
      query_timeout: LOOK_MS,
    } as pg.QueryConfig);
    const { tasks, messages, oldest_seconds: oldestSeconds, workers } = rows[0];
    return { tasks, outbox: { messages, oldestSeconds }, workers };
  };
}

const FIGURES = `SELECT
    (SELECT coalesce(json_agg(t), '[]') FROM
      (SELECT kind, state, count(*) AS count FROM long_task.tasks GROUP BY kind, state) t) AS tasks,
    (SELECT count(*)::int ${ANSWERING}) AS workers,
    outbox.* FROM (SELECT count(*)::int AS messages,
      coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds FROM long_task.outbox) outbox`;
