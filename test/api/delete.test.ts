import { Readable } from 'node:stream';
import pino from 'pino';
import { expect, it } from 'vitest';
import { armFailpoints } from '../../src/failpoint.js';
import { sweepDeletions } from '../../src/maintenance/finish-deletion.js';
import { withClient } from '../../src/postgres/pool.js';
import { dropPublished } from '../../src/tables/published-table.js';
import { addressOf, endedDownload, endedUpload } from './ended-tasks.js';
import { useApi } from './support.js';

const api = useApi();
const log = pino({ level: 'silent' });

const count = async (sql: string, values: unknown[] = []) =>
  (await api.pool.query(`SELECT count(*) AS count FROM ${sql}`, values)).rows[0].count;
const isThere = async (table: string) =>
  (await api.pool.query('SELECT to_regclass($1) IS NOT NULL AS there', [`public.${table}`])).rows[0].there;

/** Lets the time pass for which a sweeper waits. */
async function sweepLater(): Promise<void> {
  await api.pool.query('UPDATE long_task.deletions SET due_at = now()');
  await sweepDeletions({ pool: api.pool, store: api.store, log });
}

it('removes record, events, parts and rejects, leaves the table, and frees the name', async () => {
  const row = await endedUpload(api, { table: 'kept', taskName: 'sales' });
  await api.pool.query(
    `INSERT INTO long_task.rejects (task_id, row_no, byte_offset, reason, raw) VALUES ($1, 1, 0, 'bad', 'x')`,
    [row.id],
  );
  await api.pool.query(
    `INSERT INTO long_task.task_events (task_id, channel, action, from_state, to_state, epoch) VALUES ($1, 'api', 'pause', 'running', 'pausing', 1)`,
    [row.id],
  );
  const answer = await api.delete(addressOf(row));
  expect([answer.status, answer.text]).toEqual([204, '']);
  expect((await api.get(addressOf(row))).json).toMatchObject({ status: 404, code: 'task_not_found' });
  for (const table of [
    'tasks WHERE id',
    'rejects WHERE task_id',
    'task_events WHERE task_id',
    'deletions WHERE task_id',
  ])
    expect(await count(`long_task.${table} = $1`, [row.id])).toBe(0);
  expect(await isThere('kept')).toBe(true);
  expect((await api.post('/upload/start', { user_id: 'ana', task_name: 'sales' })).status).toBe(202);
});

it('is 404 the second time', async () => {
  const row = await endedUpload(api);
  expect((await api.delete(addressOf(row))).status).toBe(204);
  expect((await api.delete(addressOf(row))).json).toMatchObject({ status: 404, code: 'task_not_found' });
});

it('removes the files of a download, and the source that an upload has left', async () => {
  const download = await endedDownload(api);
  const key = 'uploads/left';
  await api.store.put(key, Readable.from([Buffer.from('a\n1\n')]));
  const upload = await endedUpload(api, { source: { key, filename: 'a.csv', size: 4, sha256: '' } });
  for (const row of [download, upload]) expect((await api.delete(addressOf(row))).status).toBe(204);
  expect(await api.store.list('results/')).toEqual([]);
  expect(await api.store.list('uploads/')).not.toContain(key);
});

it('drops the frozen copy of an export that was not tidied', async () => {
  const row = await endedDownload(api);
  await api.appPool.query(`CREATE TABLE long_task_staging.task_${row.lock_key} (a int)`);
  await api.pool.query(`UPDATE long_task.tasks SET staging_oid = $2::regclass WHERE id = $1`, [
    row.id,
    `long_task_staging.task_${row.lock_key}`,
  ]);
  expect((await api.delete(addressOf(row))).status).toBe(204);
  expect(await count(`pg_class WHERE relname = $1`, [`task_${row.lock_key}`])).toBe(0);
});

it.each(['queued', 'running', 'pausing', 'paused', 'terminating', 'rollback_failed'])(
  'refuses a task that is %s',
  async (state) => {
    const row = await endedUpload(api, { state });
    expect((await api.delete(addressOf(row))).json).toMatchObject({
      status: 409,
      code: 'illegal_transition',
      current_state: state,
      allowed_actions: expect.any(Array),
    });
    expect((await api.get(addressOf(row))).status).toBe(200);
    await api.pool.query(`UPDATE long_task.tasks SET state = 'terminated' WHERE id = $1`, [row.id]);
  },
);

it('finds no task of another user', async () => {
  const row = await endedUpload(api);
  expect((await api.delete(addressOf({ ...row, user_id: 'eve' }))).status).toBe(404);
  expect((await api.get(addressOf(row))).status).toBe(200);
});

it('removes those that had the name before', async () => {
  const earlier = await endedUpload(api, { taskName: 'again', state: 'failed' });
  await api.pool.query('UPDATE long_task.tasks SET superseded_at = now() WHERE id = $1', [earlier.id]);
  const row = await endedUpload(api, { taskName: 'again' });
  const other = await endedUpload(api, { taskName: 'other', state: 'failed' });
  await api.pool.query('UPDATE long_task.tasks SET superseded_at = now() WHERE id = $1', [other.id]);
  expect((await api.delete(addressOf(row))).status).toBe(204);
  expect(await count('long_task.tasks WHERE id = ANY ($1)', [[earlier.id, row.id, other.id]])).toBe(1);
});

it('drops the table where that is asked, also under another name, and never another one of its name', async () => {
  const [plain, moved, replaced] = [
    await endedUpload(api, { table: 'plain' }),
    await endedUpload(api, { table: 'moved' }),
    await endedUpload(api, { table: 'replaced' }),
  ];
  await api.pool.query('ALTER TABLE public.moved RENAME TO elsewhere');
  await api.pool.query('CREATE TABLE public.moved (theirs int)');
  await api.pool.query('DROP TABLE public.replaced');
  await api.pool.query('CREATE TABLE public.replaced (_row bigint, a text)');
  for (const row of [plain, moved, replaced])
    expect((await api.delete(`${addressOf(row)}&drop_table=true`)).status).toBe(204);
  expect(await Promise.all(['plain', 'elsewhere', 'moved', 'replaced'].map(isThere))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

it('takes a table whose oid alone is that of the one published for another one', async () => {
  await api.pool.query('CREATE TABLE public.stranger (theirs int)');
  const { rows } = await api.pool.query(`SELECT 'public.stranger'::regclass::oid AS oid`);
  await withClient(api.pool, (client) =>
    dropPublished(client, { oid: rows[0].oid, name: '"public"."ours"', columns: ['_row', 'a'] }),
  );
  expect(await isThere('stranger')).toBe(true);
});

it('refuses a table that others depend on, names them, and changes nothing', async () => {
  const row = await endedUpload(api, { table: 'used' });
  await api.pool.query('CREATE VIEW public.report AS SELECT a FROM public.used');
  await api.pool.query('CREATE TABLE public.lines (of_row bigint REFERENCES public.used)');
  const { json } = await api.delete(`${addressOf(row)}&drop_table=true`);
  expect(json).toMatchObject({ status: 409, code: 'table_has_dependents' });
  expect(json.detail).toMatch(/view public\.report/);
  expect(json.detail).toMatch(/lines/);
  expect((await api.get(addressOf(row))).json.state).toBe('completed');
  expect(await isThere('used')).toBe(true);
  expect((await api.delete(addressOf(row))).status).toBe(204);
});

it('answers 202 while the table is in use, and drops it when it no longer is', async () => {
  const row = await endedUpload(api, { table: 'busy' });
  const reader = await api.pool.connect();
  await reader.query('BEGIN; SELECT * FROM public.busy');
  const began = performance.now();
  expect((await api.delete(`${addressOf(row)}&drop_table=true`)).status).toBe(202);
  expect(performance.now() - began).toBeLessThan(6_000);
  expect((await api.get(addressOf(row))).status).toBe(404);
  await sweepLater();
  expect([await isThere('busy'), await count('long_task.deletions')]).toEqual([true, 1]);
  await reader.query('COMMIT');
  reader.release();
  await sweepLater();
  expect([await isThere('busy'), await count('long_task.deletions')]).toEqual([false, 0]);
});

it('leaves nothing when a file cannot be removed at first', async () => {
  const row = await endedDownload(api);
  armFailpoints('delete:after-files:1:throw', 'test');
  expect((await api.delete(addressOf(row))).status).toBe(202);
  expect(await count('long_task.deletions WHERE task_id = $1', [row.id])).toBe(1);
  await sweepLater();
  expect(await count('long_task.deletions WHERE task_id = $1', [row.id])).toBe(0);
});

it('refuses drop_table for a download, and what is no truth value', async () => {
  const [download, upload] = [await endedDownload(api), await endedUpload(api)];
  expect((await api.delete(`${addressOf(download)}&drop_table=true`)).json.errors[0].field).toBe('drop_table');
  expect((await api.delete(`${addressOf(upload)}&drop_table=maybe`)).json.errors[0].detail).toBe(
    'must be true or false',
  );
});
