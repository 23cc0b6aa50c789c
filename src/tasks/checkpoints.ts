import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { endSessions, type Fence, FencedError, withFence } from './fence.js';

/** A part of an upload as inspect found it: a record-aligned byte range of the source. */
export interface UploadPart {
  partNo: number;
  byteFrom: number;
  byteTo: number;
  firstRow: number;
  rows: number;
  sha256: string;
}

/** The progress of a part. The token names the only attempt that may move it. */
export interface Checkpoint {
  partNo: number;
  token: string;
  byteOffset: number;
  rowsDone: number;
  done: boolean;
}

/** What a batch adds to a part, in the transaction of its rows. */
export interface Advance {
  byteOffset: number;
  rows: number;
  rejected: number;
  done: boolean;
}

/**
 * Stores a part with the evidence for its columns' types. The caller is inside the fence, or creates the task in the
 * same transaction.
 */
export async function storePart(
  client: pg.ClientBase,
  taskId: string,
  part: UploadPart,
  evidence: unknown,
): Promise<void> {
  await client.query(
    `INSERT INTO long_task.parts (task_id, part_no, byte_from, byte_to, first_row, rows, sha256, evidence, byte_offset)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $3)`,
    [taskId, part.partNo, part.byteFrom, part.byteTo, part.firstRow, part.rows, part.sha256, JSON.stringify(evidence)],
  );
}

export interface StoredPart extends UploadPart {
  evidence: unknown;
}

/** Lists the parts found so far, in order. */
export async function listParts(db: pg.Pool | pg.ClientBase, taskId: string): Promise<StoredPart[]> {
  const { rows } = await db.query(
    `SELECT part_no AS "partNo", byte_from AS "byteFrom", byte_to AS "byteTo", first_row AS "firstRow", rows, sha256, evidence
       FROM long_task.parts WHERE task_id = $1 ORDER BY part_no`,
    [taskId],
  );
  return rows;
}

/** Returns the type evidence of one part. */
export async function partEvidence(client: pg.ClientBase, taskId: string, partNo: number): Promise<unknown> {
  const { rows } = await client.query('SELECT evidence FROM long_task.parts WHERE task_id = $1 AND part_no = $2', [
    taskId,
    partNo,
  ]);
  return rows[0]?.evidence;
}

/**
 * Claims a part for a new attempt. Afterwards no other attempt can move its checkpoint or commit rows of it. First ends
 * the session of an earlier attempt, because a frozen one might hold the row lock. The returned checkpoint includes the
 * last commit of that attempt, even when its reply was lost.
 * @param role the name of the part's sessions, shared by all its attempts; absent where the step has ended them already
 */
export async function claimPart(
  client: pg.ClientBase,
  fence: Fence,
  partNo: number,
  role?: string,
): Promise<Checkpoint & UploadPart> {
  if (role !== undefined) await endSessions(client, fence.lockKey, role);
  return withFence(client, fence, async () => {
    const { rows } = await client.query(
      `UPDATE long_task.parts SET token = $3 WHERE task_id = $1 AND part_no = $2
       RETURNING part_no AS "partNo", token, byte_offset AS "byteOffset", rows_done AS "rowsDone", done,
                 byte_from AS "byteFrom", byte_to AS "byteTo", first_row AS "firstRow", rows, sha256`,
      [fence.taskId, partNo, randomUUID()],
    );
    if (!rows[0]) throw new FencedError(`part ${partNo} is gone`);
    return rows[0];
  });
}

/**
 * Moves the checkpoint in the transaction of the rows. The update matches the token and the offset at which the batch
 * begins. For any other attempt it matches no row, and the batch rolls back.
 * @throws {FencedError} when another attempt has claimed the part
 */
export async function advancePart(client: pg.ClientBase, taskId: string, at: Checkpoint, by: Advance): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE long_task.parts SET byte_offset = $5, rows_done = rows_done + $6, rejected = rejected + $7, done = $8,
            bytes_done = $5 - byte_from
      WHERE task_id = $1 AND part_no = $2 AND token = $3 AND byte_offset = $4 AND NOT done`,
    [taskId, at.partNo, at.token, at.byteOffset, by.byteOffset, by.rows, by.rejected, by.done],
  );
  if (rowCount !== 1) throw new FencedError(`part ${at.partNo} was claimed by another attempt`);
}

/** Removes the checkpoints of a task that has ended. */
export async function removeParts(client: pg.ClientBase, taskId: string): Promise<void> {
  await client.query('DELETE FROM long_task.parts WHERE task_id = $1', [taskId]);
}

/** The sums over all parts of an upload, for the receipt. */
export interface PartTotals {
  parts: number;
  /** The first byte of the first and the end of the last part; null when there is none. */
  first: number | null;
  last: number | null;
  bytes: number;
  rows: number;
  rejected: number;
  /** Whether every part is done. */
  done: boolean;
}

export async function totalParts(client: pg.ClientBase, taskId: string): Promise<PartTotals> {
  const { rows } = await client.query<PartTotals>(
    `SELECT count(*)::int AS parts, min(byte_from) AS first, max(byte_to) AS last, coalesce(sum(byte_to - byte_from), 0)::bigint AS bytes,
            coalesce(sum(rows_done), 0)::bigint AS rows, coalesce(sum(rejected), 0)::bigint AS rejected, coalesce(bool_and(done), true) AS done
       FROM long_task.parts WHERE task_id = $1`,
    [taskId],
  );
  return rows[0]!;
}
