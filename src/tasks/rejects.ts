import type pg from 'pg';
import { type CopyTarget, copyIn, copyLine } from '../postgres/copy.js';
import { hasState } from '../postgres/sqlstate.js';

/** A row of the file that is not in the table, and why. Rows count from 1, bytes from 0. */
export interface Reject {
  row: number;
  byteOffset: number;
  column: string | null;
  value: string | null;
  /** The kind of fault: `too_few_fields`, `refused_value`, … */
  code: RejectCode;
  reason: string;
  /** The whole record without its line end, byte for byte. */
  raw: Buffer;
}

export type RejectCode =
  | 'too_few_fields'
  | 'too_many_fields'
  | 'stray_quote'
  | 'unclosed_quote'
  | 'nul_byte'
  | 'invalid_utf8'
  | 'several_records'
  | 'second_table'
  | 'invalid_value'
  | 'refused_value'
  | 'refused_row';

const TARGET: CopyTarget = {
  table: 'long_task.rejects',
  columns: ['task_id', 'row_no', 'byte_offset', 'column_name', 'value', 'reason', 'raw', 'code'],
};

/**
 * Stores and counts rejects, inside the fence. Uses COPY, which takes half the time of an INSERT and keeps values out
 * of a server log of statements.
 * @throws {Error} when another attempt has stored a reject of these rows: this attempt must start again
 */
export async function storeRejects(client: pg.ClientBase, taskId: string, rejects: Reject[]): Promise<void> {
  if (rejects.length === 0) return;
  const lines = rejects.map(({ row, byteOffset, column, value, reason, raw, code }) => {
    const texts = [column && storable(column), value && storable(value), reason, `\\x${raw.toString('hex')}`, code];
    return copyLine([taskId, row, byteOffset, ...texts]);
  });
  const stored = await copyIn(client, TARGET, Buffer.from(lines.join(''))).catch((error: unknown) => {
    if (!hasState(error, 'unique_violation')) throw error;
    throw new Error('another attempt has stored a reject of these rows', { cause: error });
  });
  await client.query('UPDATE long_task.tasks SET rows_rejected = rows_rejected + $2 WHERE id = $1', [taskId, stored]);
}

/** Replaces U+0000, which PostgreSQL text cannot hold (manual, 8.3), by its visible symbol. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u2400');
}

/** Removes the rejects of a task that is rolled back. */
export async function removeRejects(client: pg.ClientBase, taskId: string): Promise<void> {
  await client.query('DELETE FROM long_task.rejects WHERE task_id = $1', [taskId]);
}

/** Returns the number of a task's rejects from its stored count, since there may be millions. */
export async function countRejects(db: pg.Pool | pg.ClientBase, taskId: string): Promise<number> {
  const { rows } = await db.query('SELECT rows_rejected AS count FROM long_task.tasks WHERE id = $1', [taskId]);
  return rows[0].count;
}

/** How many rows were rejected, and the sum of their numbers. */
export async function rejectedSum(
  db: pg.Pool | pg.ClientBase,
  taskId: string,
): Promise<{ count: number; sum: bigint }> {
  const { rows } = await db.query(
    'SELECT count(*) AS count, coalesce(sum(row_no::numeric), 0)::text AS sum FROM long_task.rejects WHERE task_id = $1',
    [taskId],
  );
  return { count: rows[0].count, sum: BigInt(rows[0].sum) };
}

/** The numbers of the rejected rows between two row numbers, both included. */
export async function rejectedRows(
  db: pg.Pool | pg.ClientBase,
  taskId: string,
  from: number,
  to: number,
): Promise<number[]> {
  const { rows } = await db.query(
    'SELECT row_no FROM long_task.rejects WHERE task_id = $1 AND row_no BETWEEN $2 AND $3',
    [taskId, from, to],
  );
  return rows.map((row) => row.row_no);
}

/** Rejects in file order, a page at a time, from after a row number. */
export async function listRejects(
  db: pg.Pool | pg.ClientBase,
  taskId: string,
  afterRow: number,
  limit: number,
): Promise<Reject[]> {
  const { rows } = await db.query(
    `SELECT row_no AS row, byte_offset AS "byteOffset", column_name AS column, value, code, reason, raw
       FROM long_task.rejects WHERE task_id = $1 AND row_no > $2 ORDER BY row_no LIMIT $3`,
    [taskId, afterRow, limit],
  );
  return rows;
}

/** Returns the reject that follows `others` rejects in the file; undefined when there are fewer. */
export async function rejectAfter(
  db: pg.Pool | pg.ClientBase,
  taskId: string,
  others: number,
): Promise<Reject | undefined> {
  const { rows } = await db.query(
    `SELECT row_no AS row, byte_offset AS "byteOffset", column_name AS column, value, code, reason, raw
       FROM long_task.rejects WHERE task_id = $1 ORDER BY row_no OFFSET $2 LIMIT 1`,
    [taskId, others],
  );
  return rows[0];
}

/** Returns the rejects among these rows, without their texts. */
export async function rejectsOf(
  db: pg.ClientBase,
  taskId: string,
  rows: number[],
): Promise<Pick<Reject, 'row' | 'byteOffset'>[]> {
  const found = await db.query(
    `SELECT row_no AS row, byte_offset AS "byteOffset" FROM long_task.rejects WHERE task_id = $1 AND row_no = ANY ($2)`,
    [taskId, rows],
  );
  return found.rows;
}

/** Removes the rejects of these rows and subtracts them from the count. The caller stores again those still bad. */
export async function removeRejectsOf(client: pg.ClientBase, taskId: string, rows: number[]): Promise<void> {
  const { rowCount } = await client.query('DELETE FROM long_task.rejects WHERE task_id = $1 AND row_no = ANY ($2)', [
    taskId,
    rows,
  ]);
  await client.query('UPDATE long_task.tasks SET rows_rejected = rows_rejected - $2 WHERE id = $1', [taskId, rowCount]);
}
