import type pg from 'pg';
import type { Converted } from '../contract/task.js';
import { removeRejects } from './rejects.js';

/** Forgets what an earlier attempt has found in a file: it is read from its beginning. Called inside the fence. */
export async function startConversion(client: pg.ClientBase, taskId: string): Promise<void> {
  await removeRejects(client, taskId);
  await client.query('UPDATE long_task.tasks SET converted = NULL, rows_rejected = 0 WHERE id = $1', [taskId]);
}

/** Stores what the engine reads in place of the uploaded file. Called inside the fence. */
export async function storeConverted(client: pg.ClientBase, taskId: string, converted: Converted): Promise<void> {
  await client.query('UPDATE long_task.tasks SET converted = $2, bytes_total = $3 WHERE id = $1', [
    taskId,
    JSON.stringify(converted),
    converted.size,
  ]);
}
