import type pg from 'pg';
import { cancellable } from '../postgres/cancellable.js';
import { withClient } from '../postgres/pool.js';
import { sessionName } from '../tasks/fence.js';

/** Where the sessions of exports come from, and the task that one works for. */
export interface Exporting {
  /** For cancelling. */
  pool: pg.Pool;
  exportPool: pg.Pool;
  lockKey: number;
  /** The name of the step or part, shared by all its attempts. */
  role: string;
  signal: AbortSignal;
}

/**
 * Runs `body` in a session of the role that may only read what was granted for exports, so that the code of a view has
 * no other rights. The caller opens the read-only transaction (`readingTable`). The session counts as one of the task
 * and is cancelled when the signal fires. It serves one export only, since code may leave something in it.
 */
export async function asExporter<T>(
  { pool, exportPool, lockKey, role, signal }: Exporting,
  body: (reader: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const inSession = (reader: pg.PoolClient) => cancellable(pool, reader, signal, () => body(reader));
  return withClient(exportPool, inSession, sessionName(lockKey, role), signal);
}
