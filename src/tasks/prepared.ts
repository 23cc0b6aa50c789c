import type pg from 'pg';
import { hasState } from '../postgres/sqlstate.js';

/**
 * Runs a statement that is prepared once per connection, since planning it costs more than running it. Runs it
 * unprepared when a migration has invalidated the plan; in a transaction that fails, and a retry has another
 * connection.
 */
export async function queryPrepared<R extends pg.QueryResultRow>(
  db: pg.Pool | pg.ClientBase,
  query: { name: string; text: string; values: unknown[] },
): Promise<R[]> {
  try {
    return (await db.query<R>(query)).rows;
  } catch (error) {
    // Also of a prepared statement after a migration added a column to its table.
    if (!hasState(error, 'feature_not_supported')) throw error;
    return (await db.query<R>(query.text, query.values)).rows;
  }
}
