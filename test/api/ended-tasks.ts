import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { NewTask } from '../../src/tasks/new-task.js';
import { getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { newUpload } from '../postgres/support.js';
import type { TestApi } from './support.js';

/** An upload that has ended, as its workflow leaves it: completed with a table of its own if one is named. */
export async function endedUpload(
  api: TestApi,
  { table, state = 'completed', ...more }: Partial<NewTask> & { table?: string; state?: string } = {},
): Promise<TaskRow> {
  const columns = [{ original: 'a', name: 'a', type: 'text', evidence: '' }];
  const { id } = await newUpload(api.pool, { columns, ...more });
  if (table) {
    await api.appPool.query(`CREATE TABLE public.${table} (_row bigint PRIMARY KEY, a text)`);
    await api.pool.query(`UPDATE long_task.tasks SET table_name = $2, table_oid = to_regclass($2) WHERE id = $1`, [
      id,
      `"public"."${table}"`,
    ]);
  }
  return end(api, id, state);
}

/** A completed download with its result in the file store. */
export async function endedDownload(api: TestApi, more: Partial<NewTask> = {}): Promise<TaskRow> {
  const { id } = await newUpload(api.pool, {
    kind: 'download',
    source: undefined,
    options: { table: '"public"."any"', consistency: 'live', formulas: 'raw' },
    ...more,
  });
  const key = `results/${id}/result-${randomUUID()}`;
  const stored = await api.store.putHashed(key, Readable.from([Buffer.from('a\n1\n')]));
  await api.pool.query('UPDATE long_task.tasks SET result = $2 WHERE id = $1', [
    id,
    JSON.stringify({ key, ...stored }),
  ]);
  return end(api, id, 'completed');
}

async function end(api: TestApi, id: string, state: string): Promise<TaskRow> {
  await api.pool.query(`UPDATE long_task.tasks SET state = $2, finished_at = now(), updated_at = now() WHERE id = $1`, [
    id,
    state,
  ]);
  return getTaskById(api.pool, id);
}

/** The address of a task. */
export function addressOf({ kind, user_id, task_name }: TaskRow): string {
  return `/tasks/${kind}/${encodeURIComponent(task_name)}?user_id=${user_id}`;
}
