import type pg from 'pg';
import type { Phase } from '../contract/states.js';
import type { TaskRow } from './tasks.js';

/** The exact sums over a task's parts, as committed. */
export interface PartSums {
  parts: number;
  parts_done: number;
  bytes_found: number;
  bytes_done: number;
  rows_done: number;
  rows_found: number;
}

/** The columns of `PartSums`, of a query over `long_task.parts`. */
export const PART_SUMS = `
  count(*) AS parts, count(*) FILTER (WHERE done) AS parts_done,
  coalesce(sum(byte_to - byte_from), 0)::bigint AS bytes_found, coalesce(sum(bytes_done), 0)::bigint AS bytes_done,
  coalesce(sum(rows_done), 0)::bigint AS rows_done, coalesce(sum(rows), 0)::bigint AS rows_found`;

export async function sumParts(db: pg.Pool | pg.ClientBase, taskId: string): Promise<PartSums> {
  const { rows } = await db.query<PartSums>(`SELECT ${PART_SUMS} FROM long_task.parts WHERE task_id = $1`, [taskId]);
  return rows[0]!;
}

/** The number of a task's parts, those that are not done, and the rows and bytes of those that are. */
export interface PartsLeft {
  parts: number;
  /** The numbers of the parts that are not done yet, in order. */
  pending: number[];
  rows: number;
  bytes: number;
}

export async function partsLeft(db: pg.Pool | pg.ClientBase, taskId: string): Promise<PartsLeft> {
  const { rows } = await db.query<PartsLeft>(
    `SELECT count(*) AS parts, coalesce(array_agg(part_no ORDER BY part_no) FILTER (WHERE NOT done), '{}') AS pending,
            coalesce(sum(rows_done) FILTER (WHERE done), 0)::bigint AS rows,
            coalesce(sum(bytes_done) FILTER (WHERE done), 0)::bigint AS bytes
       FROM long_task.parts WHERE task_id = $1`,
    [taskId],
  );
  return rows[0]!;
}

/**
 * The percentages at which each phase starts and ends, by measured times of a large file. The inspection of most files
 * is over when their task starts.
 */
const PHASE_SPAN: Record<Phase, readonly [number, number]> = {
  inspecting: [0, 2],
  loading: [2, 80],
  publishing: [80, 100],
  planning: [0, 2],
  dumping: [2, 94],
  assembling: [94, 100],
};

/**
 * Returns the progress over all phases, 0–100, which never falls. Past phases count in full, the present one by its
 * bytes or parts. A rollback keeps the progress of its start.
 */
export function percentDone(row: TaskRow, sums: PartSums): number {
  if (row.state === 'completed') return 100;
  if (!row.phase) return 0;
  const [from, to] = PHASE_SPAN[row.phase];
  return Math.max(row.progress_reached, Math.round((from + (to - from) * phaseShare(row, sums)) * 10) / 10);
}

function phaseShare(row: TaskRow, sums: PartSums): number {
  switch (row.phase) {
    case 'inspecting':
      return row.bytes_total ? Math.min(1, sums.bytes_found / row.bytes_total) : 0;
    case 'loading':
      return sums.bytes_found ? sums.bytes_done / sums.bytes_found : 0;
    case 'dumping':
      return sums.parts ? sums.parts_done / sums.parts : 0;
    default:
      return 0;
  }
}

/** Returns the active and the paused seconds of a task, and those of its present phase, up to now. */
export function clocks(row: TaskRow, now: Date): { active: number; paused: number; phase: number } {
  const since = Math.max(0, (now.getTime() - row.state_since.getTime()) / 1000);
  const counting = row.state === 'running' || row.state === 'pausing';
  const inPhase = counting
    ? Math.max(0, (now.getTime() - Math.max(row.phase_since.getTime(), row.state_since.getTime())) / 1000)
    : 0;
  return {
    active: row.active_seconds + (counting ? since : 0),
    paused: row.paused_seconds + (row.state === 'paused' ? since : 0),
    phase: (row.phase ? (row.phase_seconds[row.phase] ?? 0) : 0) + inPhase,
  };
}
