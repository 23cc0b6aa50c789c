import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { allowedActions, isFinal } from '../contract/states.js';
import { failpoint } from '../failpoint.js';
import { hasState, meaningOf } from '../postgres/sqlstate.js';
import { closeFence } from '../tasks/fence.js';
import { lockTask } from '../tasks/task-state.js';
import { FINISHED, type TaskRow } from '../tasks/tasks.js';
import { type Deletion, LOCK_TIMEOUT_MS, storeDeletion } from './deletions.js';
import { dropPublished, listDependents, type Published, publishedBy } from './published-table.js';
import { dropStaging } from './staging.js';

export interface DeleteOptions {
  /** Also the table that the task has published. */
  dropTable?: boolean;
  /** Also the tasks that had its name before. */
  withHistory?: boolean;
}

/**
 * Deletes a task that has ended: one transaction drops its tables, removes its row with parts, rejects and events, and
 * records what remains, such as files and a table in use. After that the task is not found and its name is free.
 * @returns what remains
 * @throws {TaskError} task_not_found; illegal_transition before its end; table_has_dependents, database_refused:
 * nothing has changed
 */
export async function deleteTask(
  pool: pg.Pool,
  task: TaskRow,
  { dropTable = false, withHistory = false }: DeleteOptions = {},
): Promise<Deletion[]> {
  const deletions = await closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, task.id);
    if (!isFinal(row.state)) throw notFinal(row);
    // A rollback has dropped it; only the frozen copy of a completed export may wait for its tidying.
    const frozen = row.state === 'completed' ? row.staging_oid : null;
    const staging = (await isDropped(client, () => dropStaging(client, frozen))) ? null : frozen;
    const published = dropTable ? publishedBy(row) : null;
    const left = published && !(await isPublishedDropped(client, published)) ? published : null;
    const gone = await removeTasks(client, row, withHistory);
    const own = { ...gone.find(({ task_id }) => task_id === row.id)!, staging_oid: staging, ...columnsOf(left) };
    const all = [own, ...gone.filter(({ task_id }) => task_id !== row.id)];
    for (const deletion of all) await storeDeletion(client, deletion);
    await failpoint('delete:before-commit');
    return all;
  });
  await failpoint('delete:after-commit');
  return deletions;
}

/** Returns the error of a delete before the end of the task. */
export function notFinal({ state }: TaskRow): TaskError {
  const allowed = allowedActions(state);
  const advice = allowed.length > 0 ? `it can ${allowed.join(' or ')}` : 'wait for its end';
  return new TaskError('illegal_transition', `A task that is ${state} cannot be deleted; ${advice}.`, {
    current_state: state,
    allowed_actions: allowed,
  });
}

function columnsOf(published: Published | null): Pick<Deletion, 'table_oid' | 'table_name' | 'columns'> {
  return {
    table_oid: published?.oid ?? null,
    table_name: published?.name ?? null,
    columns: published?.columns ?? null,
  };
}

/** Removes the task row and all rows that refer to it; returns the files and tables that still have to go. */
async function removeTasks(client: pg.ClientBase, task: TaskRow, withHistory: boolean): Promise<Deletion[]> {
  const { rows } = await client.query<Deletion>(
    `DELETE FROM long_task.tasks
      WHERE id = $1 OR ($2 AND kind = $3 AND user_id = $4 AND task_name = $5 AND superseded_at IS NOT NULL)
     RETURNING id AS task_id, workflow_id, source ->> 'key' AS source_key, NULL::oid AS staging_oid,
               NULL::oid AS table_oid, NULL AS table_name, NULL::text[] AS columns`,
    [task.id, withHistory, task.kind, task.user_id, task.task_name],
  );
  return rows;
}

/** @throws {TaskError} table_has_dependents, database_refused */
async function isPublishedDropped(client: pg.ClientBase, published: Published): Promise<boolean> {
  try {
    return await isDropped(client, () => dropPublished(client, published));
  } catch (error) {
    if (hasState(error, 'dependent_objects_still_exist'))
      throw hasDependents(published, await listDependents(client, published.oid), error);
    if (meaningOf(error) !== 'refused') throw error;
    const detail = `PostgreSQL refuses to drop the table ${published.name} (SQLSTATE ${(error as { code?: string }).code}). Nothing was deleted; delete the task without drop_table, or let the owner of the table drop it.`;
    throw new TaskError('database_refused', detail, {}, { cause: error });
  }
}

function hasDependents({ name }: Published, dependents: string[], cause: unknown): TaskError {
  const detail = `The table ${name} is used by ${dependents.join(', ') || 'other objects'}. Nothing was deleted; drop these first, or delete the task without drop_table.`;
  return new TaskError('table_has_dependents', detail, {}, { cause });
}

/** Drops a table unless another session uses it; returns whether it did. The transaction continues either way. */
async function isDropped(client: pg.ClientBase, drop: () => Promise<void>): Promise<boolean> {
  await client.query('SAVEPOINT before_drop');
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await drop();
    await client.query('SET LOCAL lock_timeout = 0');
    await client.query('RELEASE SAVEPOINT before_drop');
    return true;
  } catch (error) {
    // When the connection is lost, PostgreSQL undoes the whole transaction.
    await client.query('ROLLBACK TO SAVEPOINT before_drop').catch(() => {});
    if (hasState(error, 'lock_not_available')) return false;
    throw error;
  }
}

/** Lists tasks that ended more than `days` days ago, the longest ended first. */
export async function listExpired(pool: pg.Pool, days: number, limit: number): Promise<TaskRow[]> {
  const { rows } = await pool.query<TaskRow>(
    `SELECT * FROM long_task.tasks
      WHERE finish_order < now() - make_interval(days => $1) AND ${FINISHED}
      ORDER BY finish_order LIMIT $2`,
    [days, limit],
  );
  return rows;
}
