import type pg from 'pg';

/** Adds sentences to the warnings of a task, in the caller's transaction. */
export async function addWarnings(client: pg.ClientBase, taskId: string, warnings: string[]): Promise<void> {
  if (warnings.length === 0) return;
  await client.query('UPDATE long_task.tasks SET warnings = warnings || $2 WHERE id = $1', [taskId, warnings]);
}
