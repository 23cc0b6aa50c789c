import type pg from 'pg';

/** Adds sentences to the warnings of a task that are not there yet, in the caller's transaction. */
export async function addWarnings(client: pg.ClientBase, taskId: string, warnings: string[]): Promise<void> {
  if (warnings.length === 0) return;
  await client.query(
    `UPDATE long_task.tasks SET warnings = warnings || ARRAY(
       SELECT w FROM unnest($2::text[]) WITH ORDINALITY AS given (w, i) WHERE NOT w = ANY (warnings) ORDER BY i)
      WHERE id = $1`,
    [taskId, warnings],
  );
}
