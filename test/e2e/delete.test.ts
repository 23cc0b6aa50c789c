import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useOwnService } from './service.js';

const service = useOwnService();

const remove = ({ kind, user_id, task_name }: TaskKey, query = '') =>
  fetch(`${service.client.api}/tasks/${kind}/${task_name}?user_id=${user_id}${query}`, { method: 'DELETE' });

/** A published table and its export, with files on the disk. */
async function made(): Promise<{ upload: TaskKey; download: TaskKey; table: string }> {
  const { task_name, table } = await service.uploaded(salesCsv(500));
  await service.exported({}, task_name);
  const key = { user_id: 'ana', task_name };
  await service.until(async () => (await service.leftovers()).length === 0);
  return { upload: { ...key, kind: 'upload' }, download: { ...key, kind: 'download' }, table: table! };
}

/** What is still there of all that was made: rows, tables and files. */
async function found({ upload, table }: { upload: TaskKey; table: string }): Promise<string[]> {
  const { rows } = await service.pool.query(
    `SELECT kind || ' row' AS what FROM long_task.tasks WHERE task_name = $1
      UNION ALL SELECT 'deletion' FROM long_task.deletions
      UNION ALL SELECT 'table' WHERE to_regclass($2) IS NOT NULL`,
    [upload.task_name, table],
  );
  const files = await filesNow();
  return [...rows.map((row) => row.what), ...files.filter((entry) => entry.isFile()).map((entry) => entry.name)];
}

/** The files of the store. A folder may vanish while they are listed: then they are listed again. */
async function filesNow(): Promise<Dirent[]> {
  try {
    return await readdir(path.join(service.dir, 'files'), { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return filesNow();
    throw error;
  }
}

/** Has the API killed in the middle of a request, and starts it again. */
async function killAt(failpoint: string, request: () => Promise<Response>): Promise<void> {
  await service.api.stop();
  await service.startApi({ FAILPOINT: `${failpoint}:1:kill` });
  await expect(request()).rejects.toThrow();
  expect(await service.api.exited).toBe('signal SIGKILL');
  await service.startApi();
}

describe('an API that is killed in the middle of a delete', () => {
  it('before the commit has deleted nothing', async () => {
    const task = await made();
    await killAt('delete:before-commit', () => remove(task.upload, '&drop_table=true'));
    expect(await found(task)).toEqual(expect.arrayContaining(['upload row', 'download row', 'table']));
    for (const key of [task.upload, task.download])
      expect((await remove(key, key.kind === 'upload' ? '&drop_table=true' : '')).status).toBe(204);
    expect(await found(task)).toEqual([]);
  });

  it.each([
    ['delete:after-commit', 'upload'],
    ['delete:after-commit', 'download'],
    ['delete:after-files', 'download'],
    ['delete:after-drop', 'upload'],
    ['delete:after-forget', 'download'],
  ] as const)('at %s of the %s has deleted all of it once it is back', async (failpoint, kind) => {
    const task = await made();
    await killAt(failpoint, () => remove(task[kind], kind === 'upload' ? '&drop_table=true' : ''));
    const gone = kind === 'upload' ? ['upload row', 'table', 'deletion'] : ['download row', 'deletion'];
    await service.until(async () => !(await found(task)).some((what) => gone.includes(what)));
    if (kind === 'download') expect(await found(task)).toEqual(['upload row', 'table']);
    expect((await remove(task[kind])).status).toBe(404);
    const other = kind === 'upload' ? task.download : task.upload;
    expect((await remove(other, kind === 'download' ? '&drop_table=true' : '')).status).toBe(204);
    expect(await found(task)).toEqual([]);
  });

  it('is finished by another API, also where the first sweeper is killed at it', async () => {
    const task = await made();
    await service.api.stop();
    await service.startApi({ FAILPOINT: 'delete:after-commit:1:kill' });
    await expect(remove(task.download)).rejects.toThrow();
    await service.startApi({ FAILPOINT: 'delete:after-files:1:kill' });
    const killed = service.api;
    await killed.exited;
    await service.startApi();
    await service.until(async () => (await found(task)).every((what) => ['upload row', 'table'].includes(what)));
    expect((await remove(task.upload, '&drop_table=true')).status).toBe(204);
  });
});

it('frees the name at once for a new task, whose workflow is its own', async () => {
  const { upload, table } = await made();
  expect((await remove(upload, '&drop_table=true')).status).toBe(204);
  await service.client.upload(upload, await service.file(salesCsv(20)));
  const again = await service.client.waitFor(upload, ['completed']);
  expect([again.receipt?.rows_loaded, again.table]).toEqual([20, table]);
});

it('deletes a task that its workflow is still tidying, and nothing comes back', async () => {
  await service.worker.stop();
  await service.startWorker({ FAILPOINT: 'publish:after-commit:1:delay:3000' });
  const key = await service.upload(salesCsv(500));
  await service.reaches(key, ({ state }) => state === 'completed');
  expect((await remove(key, '&drop_table=true')).status).toBe(204);
  const handle = service.temporal.workflow.getHandle(`upload/ana/${key.task_name}`);
  await service.until(async () => (await handle.describe()).status.name !== 'RUNNING');
  await service.until(async () => (await service.leftovers()).length === 0);
  expect((await service.pool.query('SELECT FROM long_task.tasks WHERE task_name = $1', [key.task_name])).rowCount).toBe(
    0,
  );
});
