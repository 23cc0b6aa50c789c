import type pg from 'pg';
import { type Fence, FencedError } from './fence.js';

/** A half-open range of the key, open at the end that is null. Values in PostgreSQL's text form, one per key column. */
export interface KeyRange {
  from: string[] | null;
  to: string[] | null;
}

/** Stores the ranges as the parts of a download, in place of those of an earlier plan. Called inside the fence. */
export async function storeRanges(client: pg.ClientBase, taskId: string, ranges: KeyRange[]): Promise<void> {
  await client.query('DELETE FROM long_task.parts WHERE task_id = $1', [taskId]);
  for (const [i, { from, to }] of ranges.entries()) {
    await client.query('INSERT INTO long_task.parts (task_id, part_no, key_from, key_to) VALUES ($1, $2, $3, $4)', [
      taskId,
      i + 1,
      from,
      to,
    ]);
  }
}

/** One part of a download: its range, and what was dumped of it. */
export interface DownloadPart extends KeyRange {
  partNo: number;
  token: string;
  object: string | null;
  rows: number;
  size: number;
  done: boolean;
}

const DOWNLOAD_PART = `part_no AS "partNo", token, key_from AS "from", key_to AS "to", object, rows_done AS rows, bytes_done AS size, done`;

export async function listDownloadParts(db: pg.Pool | pg.ClientBase, taskId: string): Promise<DownloadPart[]> {
  const { rows } = await db.query<DownloadPart>(
    `SELECT ${DOWNLOAD_PART} FROM long_task.parts WHERE task_id = $1 ORDER BY part_no`,
    [taskId],
  );
  return rows;
}

/** Claims a part of a download for a new attempt, inside the fence, as `claimPart` does for an upload. */
export async function claimRange(
  client: pg.ClientBase,
  fence: Fence,
  partNo: number,
  token: string,
): Promise<DownloadPart> {
  const { rows } = await client.query<DownloadPart>(
    `UPDATE long_task.parts SET token = $3 WHERE task_id = $1 AND part_no = $2 RETURNING ${DOWNLOAD_PART}`,
    [fence.taskId, partNo, token],
  );
  if (!rows[0]) throw new FencedError(`part ${partNo} is gone`);
  return rows[0];
}

/** Records the object of a part, inside the fence. @throws {FencedError} when another attempt has claimed the part */
export async function recordObject(
  client: pg.ClientBase,
  taskId: string,
  part: DownloadPart,
  object: { key: string; size: number; rows: number },
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE long_task.parts SET object = $4, bytes_done = $5, rows_done = $6, done = true
      WHERE task_id = $1 AND part_no = $2 AND token = $3 AND NOT done`,
    [taskId, part.partNo, part.token, object.key, object.size, object.rows],
  );
  if (rowCount !== 1) throw new FencedError(`part ${part.partNo} was claimed by another attempt`);
}
