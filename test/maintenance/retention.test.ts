import pino from 'pino';
import { expect, it } from 'vitest';
import { sweepExpired } from '../../src/maintenance/retention.js';
import type { TaskRow } from '../../src/tasks/tasks.js';
import { endedDownload, endedUpload } from '../api/ended-tasks.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
const sweep = (days: number) =>
  sweepExpired({ pool: api.pool, store: api.store, log: pino({ level: 'silent' }) }, days);

const age = (id: string, days: number) =>
  api.pool.query(
    `UPDATE long_task.tasks SET finished_at = CASE WHEN finished_at IS NOT NULL THEN now() - make_interval(days => $2) END,
            created_at = now() - make_interval(days => $2), updated_at = now() - make_interval(days => $2) WHERE id = $1`,
    [id, days],
  );
const left = async (): Promise<string[]> =>
  (await api.pool.query('SELECT id FROM long_task.tasks ORDER BY lock_key')).rows.map((row) => row.id);

it('removes what ended long ago with its result, history too, never a table nor what has not ended', async () => {
  const young = await endedDownload(api);
  const old = await endedDownload(api);
  const loaded = await endedUpload(api, { table: 'loaded' });
  const earlier = await endedUpload(api, { state: 'failed' });
  await api.pool.query('UPDATE long_task.tasks SET superseded_at = now() WHERE id = $1', [earlier.id]);
  const paused = await newUpload(api.pool);
  await api.pool.query(`UPDATE long_task.tasks SET state = 'paused' WHERE id = $1`, [paused.id]);
  await age(young.id, 6);
  for (const { id } of [old, loaded, earlier, paused]) await age(id, 8);
  await sweep(0);
  expect(await left()).toHaveLength(5);
  expect(await sweep(7)).toBe(false);
  expect(await left()).toEqual([young.id, paused.id]);
  expect((await api.store.list('results/')).map((key) => key.split('/')[1])).toEqual([young.id]);
  expect((await api.pool.query(`SELECT to_regclass('public.loaded') AS name`)).rows[0].name).not.toBeNull();
  expect((await api.pool.query('SELECT FROM long_task.deletions')).rowCount).toBe(0);
});

it('takes them in batches', async () => {
  await api.pool.query('DELETE FROM long_task.tasks');
  for (let i = 0; i < 60; i++) await age((await endedUpload(api)).id, 40);
  expect(await sweep(30)).toBe(true);
  expect(await left()).toHaveLength(10);
  expect(await sweep(30)).toBe(false);
  expect(await left()).toEqual([]);
});

it('harms nothing when several sweep at once', async () => {
  const rows: TaskRow[] = [];
  for (let i = 0; i < 15; i++) rows.push(await endedDownload(api));
  for (const { id } of rows) await age(id, 40);
  await Promise.all([sweep(30), sweep(30), sweep(30)]);
  expect(await left()).toEqual([]);
  for (const { result } of rows) expect(await api.store.stat(result!.key)).toBeNull();
});
