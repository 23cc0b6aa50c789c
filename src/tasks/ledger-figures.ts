import type pg from 'pg';
import type { Kind, State } from '../contract/states.js';
import { SILENT_SECONDS } from './workers.js';

/** What the ledger holds at this moment, over all users. */
export interface LedgerFigures {
  tasks: { kind: Kind; state: State; count: number }[];
  /** Messages for Temporal that are not delivered yet. */
  outbox: { messages: number; oldestSeconds: number };
  /** Workers that answer. */
  workers: number;
}

/** A scrape must not hang where PostgreSQL has fallen silent. */
const LOOK_MS = 2_000;

/** Of the table of messages; in a schema without one, of the tasks that have something to deliver. */
const OUTBOX = { from: 'long_task.outbox', since: 'min(created_at)' };
const UNDELIVERED = { from: 'long_task.tasks WHERE undelivered IS NOT NULL', since: 'min(updated_at)' };

/** Returns a reader of the figures that monitoring shows, each time by one statement. */
export function createLedgerReader(pool: pg.Pool): () => Promise<LedgerFigures> {
  let text: string | undefined;
  return async () => {
    text ??= statement((await hasOutbox(pool)) ? OUTBOX : UNDELIVERED);
    const { rows } = await pool.query({ name: 'ledger figures', text, query_timeout: LOOK_MS } as pg.QueryConfig);
    const { tasks, messages, oldest_seconds: oldestSeconds, workers } = rows[0];
    return { tasks, outbox: { messages, oldestSeconds }, workers };
  };
}

function statement({ from, since }: typeof OUTBOX): string {
  return `SELECT
    (SELECT coalesce(json_agg(t), '[]') FROM
      (SELECT kind, state, count(*) AS count FROM long_task.tasks GROUP BY kind, state) t) AS tasks,
    (SELECT count(*)::int FROM long_task.workers
      WHERE seen_at > clock_timestamp() - interval '${SILENT_SECONDS} seconds') AS workers,
    outbox.* FROM (SELECT count(*)::int AS messages,
      coalesce(extract(epoch FROM clock_timestamp() - ${since}), 0)::float8 AS oldest_seconds FROM ${from}) outbox`;
}

async function hasOutbox(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`SELECT to_regclass('long_task.outbox') IS NOT NULL AS found`);
  return rows[0].found;
}
