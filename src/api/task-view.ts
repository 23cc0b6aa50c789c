import { createHash } from 'node:crypto';
import { workflowId } from '../contract/messages.js';
import { allowedActions, isFinal, type Kind, type Phase } from '../contract/states.js';
import type { Task, TaskEvent } from '../contract/task.js';
import { clocks, percentDone } from '../tasks/progress.js';
import type { TaskSnapshot } from '../tasks/task-snapshots.js';
import type { TaskRow } from '../tasks/tasks.js';

/** The phase in which a task moves its rows, and so the one that its rates and its remaining time are about. */
const MOVING: Record<Kind, Phase> = { upload: 'loading', download: 'dumping' };

const RESULT_LOST =
  'The result file is gone from the file store. Start the download again; its task_name is free for it.';
const NO_WORKER =
  'No worker is responding, so this task is not progressing. Start a worker; the task then continues automatically.';

/**
 * A task as it goes over the wire, from what PostgreSQL knows exactly: no workflow is asked. After completion the parts
 * are gone and the receipt speaks.
 */
export function toTask(snapshot: TaskSnapshot): Task {
  const { row, held, now } = snapshot;
  const done = countDone(snapshot);
  const { active, paused } = clocks(row, now);
  const moving = secondsMoving(snapshot);
  const shown = row.state === 'running' || row.state === 'completed';
  return {
    user_id: row.user_id,
    task_name: row.task_name,
    kind: row.kind,
    state: row.state,
    phase: isFinal(row.state) ? null : row.phase,
    progress: percentDone(row, snapshot.sums),
    bytes: { done: done.bytes, total: totalBytes(snapshot) },
    rows: { done: done.rows, total: row.receipt?.rows_in_file ?? row.rows_total, rejected: row.rows_rejected },
    bytes_per_second: shown ? rate(done.bytes, moving) : 0,
    rows_per_second: shown ? rate(done.rows, moving) : 0,
    eta_seconds: remainingSeconds(snapshot, moving, active),
    active_seconds: round(active),
    paused_seconds: round(paused),
    allowed_actions: allowedActions(row.state),
    pause_reasons: row.pause_reasons,
    table: row.table_name ?? (row.kind === 'download' ? row.options.table : null),
    download_url: downloadUrl(snapshot),
    dialect: shownDialect(row),
    receipt: row.receipt,
    error: row.error,
    warnings: warningsOf(snapshot),
    held: { connections: held.connections, activities: busyActivities(snapshot), locks: held.locks },
    workflow_id: workflowId(row.kind, row.user_id, row.task_name),
    version: row.version,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    superseded_at: row.superseded_at?.toISOString() ?? null,
  };
}

/** The dialect as it is shown: that of a task of an earlier version says less, and what it says holds. */
function shownDialect({ dialect }: TaskRow): Task['dialect'] {
  if (!dialect) return null;
  const { header: _, ...known } = dialect as typeof dialect & { header?: boolean };
  return { ...EARLIER, ...known };
}

const EARLIER = {
  escape: '"',
  header_rows: 1,
  skip_lines: 0,
  skip_space: false,
  compression: null,
  source: {},
  warnings: [],
};

/** The stored warnings, and those that hold at this moment. */
function warningsOf(snapshot: TaskSnapshot): string[] {
  const { row, resultLost } = snapshot;
  return [...row.warnings, ...(needsWorker(snapshot) ? [NO_WORKER] : []), ...(resultLost ? [RESULT_LOST] : [])];
}

/**
 * Returns a weak validator (RFC 9110, 8.8.1) of a task's view. It leaves out clocks, which run while nothing changes.
 */
export function etagOf({ row, sums, held, served, resultLost }: TaskSnapshot, events: TaskEvent[]): string {
  const shown = [row.id, row.version, row.updated_at, row.rows_rejected, sums, held, served, resultLost, events];
  return `W/"${createHash('sha1').update(JSON.stringify(shown)).digest('base64url')}"`;
}

function countDone({ row, sums }: TaskSnapshot): { bytes: number; rows: number } {
  if (!row.receipt) return { bytes: sums.bytes_done, rows: sums.rows_done };
  return { bytes: row.receipt.bytes, rows: row.receipt.rows_in_file };
}

function totalBytes({ row }: TaskSnapshot): number | null {
  return row.receipt?.bytes ?? row.bytes_total;
}

function secondsMoving({ row, now }: TaskSnapshot): number {
  return row.phase === MOVING[row.kind] ? clocks(row, now).phase : (row.phase_seconds[MOVING[row.kind]] ?? 0);
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? Math.round(count / seconds) : 0;
}

/** Estimates from the rate so far and the remaining work, without paused time. Null without a rate. */
function remainingSeconds({ row, sums, served }: TaskSnapshot, moving: number, active: number): number | null {
  if (row.state === 'completed') return 0;
  // How long an upload takes shows only in its loading.
  if (!served || row.state !== 'running' || row.phase === 'inspecting') return null;
  const isMoving = row.phase === MOVING[row.kind];
  const share = isMoving ? movedShare({ row, sums }) : percentDone(row, sums) / 100;
  if (share < 0.01) return null;
  return round(((isMoving ? moving : active) * (1 - share)) / share);
}

function movedShare({ row, sums }: Pick<TaskSnapshot, 'row' | 'sums'>): number {
  if (row.kind === 'upload') return sums.bytes_found > 0 ? sums.bytes_done / sums.bytes_found : 0;
  if (row.rows_total) return Math.min(1, sums.rows_done / row.rows_total);
  return sums.parts > 0 ? sums.parts_done / sums.parts : 0;
}

function downloadUrl({ row, resultLost }: TaskSnapshot): string | null {
  if (row.kind !== 'download' || row.state !== 'completed' || resultLost || row.superseded_at) return null;
  return `/tasks/download/${encodeURIComponent(row.task_name)}/file?user_id=${encodeURIComponent(row.user_id)}`;
}

/** Each step that works has a session; one that waits for its rate has none. */
function busyActivities({ row, held }: TaskSnapshot): number {
  return row.state === 'running' || row.state === 'pausing' ? held.connections : 0;
}

/** Returns whether the task has work and no live worker could do it. */
function needsWorker({ row, served }: TaskSnapshot): boolean {
  return !served && row.state !== 'paused' && !isFinal(row.state);
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
