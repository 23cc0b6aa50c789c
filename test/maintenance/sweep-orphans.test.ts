import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import pino from 'pino';
import { expect, it } from 'vitest';
import { Emptiness, sweepOrphans } from '../../src/maintenance/sweep-orphans.js';
import { endedDownload } from '../api/ended-tasks.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
const HOUR = 3_600_000;
/** All files count as old. */
const sweep = (olderThanMs = -1_000, emptiness = new Emptiness()) =>
  sweepOrphans({ pool: api.pool, store: api.store, log: pino({ level: 'silent' }) }, olderThanMs, emptiness);
const put = async (key: string): Promise<string> => {
  await api.store.put(key, Readable.from([Buffer.from('x')]));
  return key;
};
const staging = async (): Promise<string[]> =>
  (
    await api.pool.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'long_task_staging'::regnamespace AND relkind = 'r' ORDER BY 1`,
    )
  ).rows.map((row) => row.relname);

/** A download that has not ended. */
const running = () => newUpload(api.pool, { kind: 'download', source: undefined });

it('removes the results of tasks that are gone, and what an ended task has not made its result', async () => {
  const download = await endedDownload(api);
  const late = await put(`results/${download.id}/part-1-late`);
  const atWork = await running();
  const part = await put(`results/${atWork.id}/part-1-x`);
  const gone = [
    await put(`results/${randomUUID()}/part-1-x`),
    await put(`results/${randomUUID()}/result-y`),
    await put('results/odd/part'),
  ];
  await sweep();
  const left = await api.store.list('results/');
  expect(left.toSorted()).toEqual([download.result!.key, part].toSorted());
  for (const key of [late, ...gone]) expect(left).not.toContain(key);
});

it('leaves young ones', async () => {
  await running();
  const key = await put(`results/${randomUUID()}/part-1-x`);
  await sweep(HOUR);
  expect(await api.store.list('results/')).toContain(key);
  await sweep();
  expect(await api.store.list('results/')).not.toContain(key);
});

it('leaves what a completed download has until it is tidied', async () => {
  const { id } = await endedDownload(api);
  await api.pool.query('INSERT INTO long_task.parts (task_id, part_no) VALUES ($1, 1)', [id]);
  const part = await put(`results/${id}/part-1-x`);
  await sweep();
  expect(await api.store.list('results/')).toContain(part);
});

it('leaves the files of tasks that a restored database knows in an earlier state', async () => {
  // Completed on the disk, at work in the copy that was put back.
  const row = await endedDownload(api);
  await api.pool.query(
    `UPDATE long_task.tasks SET state = 'running', result = NULL, finished_at = NULL WHERE id = $1`,
    [row.id],
  );
  await sweep();
  expect(await api.store.list('results/')).toContain(row.result!.key);
});

it('touches no file as long as a database that has no task may be about to be loaded', async () => {
  await api.pool.query('DELETE FROM long_task.tasks');
  const keys = [await put(`results/${randomUUID()}/result-y`), await put(`uploads/${randomUUID()}`)];
  const emptiness = new Emptiness();
  await sweep(HOUR, emptiness);
  expect([...(await api.store.list('results/')), ...(await api.store.list('uploads/'))]).toEqual(
    expect.arrayContaining(keys),
  );
  await sweep(-1_000, emptiness);
  expect([...(await api.store.list('results/')), ...(await api.store.list('uploads/'))]).toEqual([]);
});

it('drops staging tables whose task is gone, and no others', async () => {
  const kept = await newUpload(api.pool);
  await api.pool.query(`CREATE TABLE long_task_staging.task_${kept.lock_key} (a int)`);
  await api.pool.query('CREATE TABLE long_task_staging.task_2000000001 (a int)');
  await api.pool.query('CREATE TABLE long_task_staging.other (a int)');
  await api.pool.query('CREATE TABLE long_task_staging.task_2000000002 (a int)');
  const reader = await api.pool.connect();
  await reader.query('BEGIN; SELECT * FROM long_task_staging.task_2000000002');
  await sweep();
  expect(await staging()).toEqual(['other', 'task_2000000002', `task_${kept.lock_key}`].toSorted());
  await reader.query('ROLLBACK');
  reader.release();
  await sweep();
  expect(await staging()).toEqual(['other', `task_${kept.lock_key}`].toSorted());
});
