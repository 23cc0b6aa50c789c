import { expect, it } from 'vitest';
import { STATES } from '../../src/contract/states.js';
import { newUpload } from '../postgres/support.js';
import { addressOf, endedDownload, endedUpload } from './ended-tasks.js';
import { useApi } from './support.js';

const api = useApi();
const none = { count: 0, bytes: 0 };
const noTasks = Object.fromEntries(STATES.map((state) => [state, 0]));

it('says what a user has: files, tables that are there, tasks by state, limits', async () => {
  const user = { userId: 'ana' };
  await newUpload(api.pool, user); // Its source has 100 bytes.
  const download = await endedDownload(api, user);
  await endedUpload(api, { ...user, table: 'big' });
  await endedUpload(api, { ...user, table: 'dropped' });
  await endedUpload(api, { ...user, state: 'failed' });
  await endedUpload(api, { userId: 'eve', table: 'theirs' });
  await api.pool.query(
    `DROP TABLE public.dropped; INSERT INTO public.big SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) i`,
  );
  const { rows } = await api.pool.query(`SELECT pg_total_relation_size('public.big') AS bytes`);
  const { status, json } = await api.get('/usage?user_id=ana');
  expect(status).toBe(200);
  expect(json).toEqual({
    user_id: 'ana',
    bytes_stored: 104,
    sources: { count: 1, bytes: 100 },
    results: { count: 1, bytes: 4 },
    tables: { count: 1, bytes: rows[0].bytes },
    staging_tables: none,
    tasks: { ...noTasks, queued: 1, completed: 3, failed: 1 },
    limits: {
      max_upload_bytes: 50 << 20,
      retention_days: 30,
      max_running_tasks: null,
      max_stored_bytes: null,
      max_requests_per_minute: null,
    },
  });
  await api.delete(addressOf(download));
  expect((await api.get('/usage?user_id=ana')).json.results).toEqual(none);
  const all = (await api.get('/usage')).json;
  expect([all.user_id, all.tables.count]).toEqual([null, 2]);
});

it('counts what is on its way: parts of a download, a staging table, a source that was not tidied', async () => {
  const user = { userId: 'busy' };
  const upload = await newUpload(api.pool, user);
  await api.pool.query(
    `CREATE TABLE long_task_staging.task_${upload.lock_key} AS SELECT repeat('x', 1000) FROM generate_series(1, 100)`,
  );
  await api.pool.query(`UPDATE long_task.tasks SET state = 'paused', staging_oid = $2::regclass WHERE id = $1`, [
    upload.id,
    `long_task_staging.task_${upload.lock_key}`,
  ]);
  const download = await newUpload(api.pool, { ...user, kind: 'download', source: undefined });
  await api.pool.query(
    `INSERT INTO long_task.parts (task_id, part_no, object, bytes_done, done) VALUES ($1, 1, 'results/x/1', 70, true), ($1, 2, NULL, 0, false)`,
    [download.id],
  );
  const untidy = await endedUpload(api, user);
  await api.pool.query('INSERT INTO long_task.parts (task_id, part_no) VALUES ($1, 1)', [untidy.id]);
  const { json } = await api.get('/usage?user_id=busy');
  expect(json).toMatchObject({
    sources: { count: 2, bytes: 200 },
    results: { count: 1, bytes: 70 },
    staging_tables: { count: 1 },
  });
  expect(json.staging_tables.bytes).toBeGreaterThan(100_000);
  await api.pool.query(`DROP TABLE long_task_staging.task_${upload.lock_key}`);
});

it('is all noughts for a user without tasks', async () => {
  expect((await api.get('/usage?user_id=absent')).json).toMatchObject({
    bytes_stored: 0,
    tables: none,
    tasks: noTasks,
  });
});
