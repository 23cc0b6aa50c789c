import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { ShownDialect } from '../contract/receipt.js';
import { type Ending, FINAL_STATES, type Kind, type Phase, type State } from '../contract/states.js';
import type {
  Converted,
  DownloadOptions,
  ExportFormat,
  Receipt,
  Source,
  TaskFault,
  UploadOptions,
} from '../contract/task.js';
import type { Fence } from './fence.js';
import { HAS_MESSAGES } from './outbox.js';
import { queryPrepared } from './prepared.js';

/** A column of the file and of the table, with its type and the evidence for it. */
export interface Column {
  original: string;
  name: string;
  type: string;
  /** The form of the values in the file, where it differs from PostgreSQL's. */
  form?: string;
  evidence: string;
  /** Its number (attnum) in the table that is exported, which it keeps when it is renamed. */
  number?: number;
}

/** The table of an export as its plan stores it: by numbers, since names may change while the table is read. */
export interface PlannedSource {
  oid: number;
  version: string;
  columns: number[];
  key: number[];
  /** The fingerprint of all these columns. */
  traits: string;
  labels: string[];
}

/** What an export with `like_source` must know of a file, in addition to its dialect. */
export interface SourceStyle extends Pick<ExportFormat, 'quoted_header' | 'quoted' | 'final_newline'> {
  /** Byte order marks at its beginning. */
  marks?: number;
  /** Whether a line such as `sep=;` follows them. */
  separator_line?: boolean;
}

/** What an operator paused in Temporal itself. */
export type NativePause = 'workflow' | 'activity';

/** A task as its row in PostgreSQL has it. Counts are numbers, times Dates, oids numbers. */
export type TaskRow = UploadRow | DownloadRow;

/** An upload. The results of inspect are null until it has ended. */
export interface UploadRow extends TaskFields {
  kind: 'upload';
  options: UploadOptions;
  source: Source;
  /** Of tasks of earlier versions some keys are absent. */
  dialect: ShownDialect | null;
  /** Null where an earlier version inspected the file. */
  source_style: SourceStyle | null;
  /** What the engine reads in place of the file; null where it reads the file itself. */
  converted: Converted | null;
  export_source: null;
  result: null;
}

/** A download. */
export interface DownloadRow extends TaskFields {
  kind: 'download';
  options: DownloadOptions;
  source: null;
  dialect: null;
  source_style: null;
  converted: null;
  /** Its table as plan found it; null until then. */
  export_source: PlannedSource | null;
  result: { key: string; size: number; sha256: string } | null;
}

/** What both kinds have. */
interface TaskFields {
  id: string;
  lock_key: number;
  user_id: string;
  task_name: string;
  workflow_id: string;
  state: State;
  phase: Phase | null;
  epoch: number;
  version: number;
  pause_reasons: string[];
  native_pause: NativePause | null;
  /** How the rollback ends, from the moment it starts. */
  ending: Ending | null;
  columns: Column[] | null;
  data_offset: number | null;
  bytes_total: number | null;
  rows_total: number | null;
  rows_rejected: number;
  /** The progress shown when the rollback began. */
  progress_reached: number;
  staging_oid: number | null;
  table_oid: number | null;
  table_name: string | null;
  receipt: Receipt | null;
  error: TaskFault | null;
  idempotency_hash: string | null;
  phase_seconds: Partial<Record<Phase, number>>;
  active_seconds: number;
  paused_seconds: number;
  state_since: Date;
  phase_since: Date;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
  /** When a new start took the name of this task; null for the task that has the name. */
  superseded_at: Date | null;
  /** Warnings for the caller, one sentence each. */
  warnings: string[];
}

/** Returns the task as an upload, for steps that only uploads have. */
export function asUpload(task: TaskRow): UploadRow {
  if (task.kind !== 'upload') throw new Error(`the task ${task.id} is a download`);
  return task;
}

/** Returns the task as a download, for steps that only downloads have. */
export function asDownload(task: TaskRow): DownloadRow {
  if (task.kind !== 'download') throw new Error(`the task ${task.id} is an upload`);
  return task;
}

/** The name of a task: unique per user and kind. */
export interface TaskKey {
  kind: Kind;
  userId: string;
  taskName: string;
}

/** @throws {TaskError} task_not_found */
export async function getTask(db: pg.Pool | pg.ClientBase, key: TaskKey): Promise<TaskRow> {
  const { rows } = await db.query<TaskRow>(
    'SELECT * FROM long_task.tasks WHERE kind = $1 AND user_id = $2 AND task_name = $3 AND superseded_at IS NULL',
    [key.kind, key.userId, key.taskName],
  );
  return rows[0] ?? notFound(key);
}

/** @throws {TaskError} task_not_found */
export async function getTaskById(db: pg.Pool | pg.ClientBase, id: string): Promise<TaskRow> {
  const text = 'SELECT * FROM long_task.tasks WHERE id = $1';
  const [task] = await queryPrepared<TaskRow>(db, { name: 'task by id', text, values: [id] });
  if (!task) throw new TaskError('task_not_found', 'The task no longer exists.');
  return task;
}

function notFound(key: TaskKey): never {
  throw new TaskError('task_not_found', `User "${key.userId}" has no ${key.kind} task "${key.taskName}".`);
}

const FINAL_LIST = FINAL_STATES.map((state) => `'${state}'`).join(', ');
/** The condition in SQL that a task has ended. */
export const FINISHED = `state IN (${FINAL_LIST})`;
/** Its opposite, worded as the predicate of the partial index `tasks_unfinished`, so that PostgreSQL uses the index. */
export const UNFINISHED = `state NOT IN (${FINAL_LIST})`;

/**
 * Lists unfinished tasks without messages in the outbox whose row has not changed for `quietSeconds`, the oldest change
 * first. Includes paused tasks only with `paused`.
 */
export async function listUnfinished(
  pool: pg.Pool,
  { paused, quietSeconds }: { paused: boolean; quietSeconds: number },
): Promise<TaskRow[]> {
  const { rows } = await pool.query<TaskRow>(
    `SELECT * FROM long_task.tasks WHERE ${UNFINISHED} AND (state <> 'paused' OR $1) AND NOT ${HAS_MESSAGES}
        AND updated_at < now() - make_interval(secs => $2) ORDER BY updated_at`,
    [paused, quietSeconds],
  );
  return rows;
}

/** Lists completed tasks that still have checkpoints, which tidying removes last. */
export async function listUntidy(pool: pg.Pool, quietSeconds: number): Promise<TaskRow[]> {
  const { rows } = await pool.query<TaskRow>(
    `SELECT * FROM long_task.tasks WHERE state = 'completed' AND id IN (SELECT task_id FROM long_task.parts)
        AND updated_at < now() - make_interval(secs => $1) ORDER BY lock_key`,
    [quietSeconds],
  );
  return rows;
}

/** Returns whether the task with this id is unfinished and owns this workflow id. */
export async function isRunNeeded(pool: pg.Pool, taskId: string, workflowId: string): Promise<boolean> {
  const { rows } = await pool.query(
    `SELECT EXISTS (SELECT FROM long_task.tasks WHERE id::text = $1 AND workflow_id = $2 AND ${UNFINISHED}) AS found`,
    [taskId, workflowId],
  );
  return rows[0].found;
}

/** The results of inspect for the whole file. */
export interface Inspection {
  style: SourceStyle;
  columns: Column[];
  /** Where the first record begins. */
  dataOffset: number;
  rows: number;
}

/** Stores how the file is written, as soon as its head is read. Called inside the fence. */
export async function storeDialect(client: pg.ClientBase, taskId: string, dialect: ShownDialect): Promise<void> {
  await client.query('UPDATE long_task.tasks SET dialect = $2 WHERE id = $1', [taskId, JSON.stringify(dialect)]);
}

/** Stores the results of inspect. Called inside the fence. */
export async function storeInspection(client: pg.ClientBase, taskId: string, found: Inspection): Promise<TaskRow> {
  const { rows } = await client.query<TaskRow>(
    `UPDATE long_task.tasks SET source_style = $2, columns = $3, data_offset = $4, rows_total = $5
      WHERE id = $1 RETURNING *`,
    [taskId, JSON.stringify(found.style), JSON.stringify(found.columns), found.dataOffset, found.rows],
  );
  return rows[0]!;
}

/** The table that is exported, and its columns. Called inside the fence. */
export async function storeSource(
  client: pg.ClientBase,
  taskId: string,
  source: PlannedSource,
  columns: Column[],
): Promise<void> {
  await client.query('UPDATE long_task.tasks SET export_source = $2, columns = $3 WHERE id = $1', [
    taskId,
    JSON.stringify(source),
    JSON.stringify(columns),
  ]);
}

/** Returns the fence of a task at its present epoch. */
export function fenceOf(row: TaskRow): Fence {
  return { taskId: row.id, lockKey: row.lock_key, epoch: row.epoch };
}
