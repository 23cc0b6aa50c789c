import { afterEach, describe, expect, it } from 'vitest';
import type { UploadStart } from '../../src/contract/requests.js';
import { createUpload } from '../../src/intake/create-upload.js';
import { receiveFile } from '../../src/intake/receive-file.js';
import type { StoredFile } from '../../src/intake/stored-file.js';
import { SAMPLE, useAddedFiles, useApi } from './support.js';

const api = useApi();
const added = useAddedFiles(api);
const LARGE = `one,two\n${'1,2.50\n'.repeat(300_000)}`;
let count = 0;
const fresh = () => `owned ${++count}`;

afterEach(async () => {
  api.temporal.away = false;
  await api.pool.query(
    'DROP TRIGGER IF EXISTS test ON long_task.tasks; DROP TRIGGER IF EXISTS test ON long_task.parts',
  );
});

async function* streamOf(...pieces: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece;
    yield Buffer.from(piece);
  }
}

const receive = (...pieces: (string | Error)[]) =>
  receiveFile(api, streamOf(...pieces), { filename: 'a.csv', options: {} });

function create(file: StoredFile, taskName: string, more: Partial<UploadStart> = {}, key?: string) {
  const idempotency = key === undefined ? undefined : { key, hash: 'same' };
  const parts = { pool: api.appPool, store: api.store };
  return createUpload(parts, { taskName, fields: { user_id: 'own', ...more }, idempotency }, file);
}

/** Runs this when a row is written. */
async function onInsert(table: 'tasks' | 'parts', body: string): Promise<void> {
  await api.pool.query(`
    CREATE OR REPLACE FUNCTION public.test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
    CREATE TRIGGER test AFTER INSERT ON long_task.${table} FOR EACH ROW EXECUTE FUNCTION public.test()`);
}

async function tasksNamed(name: string): Promise<number> {
  return (await api.pool.query('SELECT FROM long_task.tasks WHERE task_name = $1', [name])).rows.length;
}

describe('a file has one owner:', () => {
  it('none, when it breaks off or is refused while it arrives', async () => {
    await expect(receive('a,b\n', new Error('gone'))).rejects.toThrow('gone');
    await expect(receive(LARGE, new Error('gone'))).rejects.toThrow('gone');
    await expect(receive('')).rejects.toMatchObject({ code: 'empty_file' });
    const options = { maxBytes: 100, options: {} };
    await expect(receiveFile(api, streamOf(LARGE), options)).rejects.toMatchObject({ code: 'file_too_large' });
    expect(await added()).toBe(0);
  });

  it('the task, once it was created; a release then changes nothing', async () => {
    const file = await receive(LARGE);
    expect(await create(file, fresh())).toMatchObject({ created: true, row: { source: file.source } });
    await file.release();
    expect(await api.store.stat(file.source.key)).toMatchObject({ size: LARGE.length });
  });

  it('the caller, when fields that came after it do not fit', async () => {
    const file = await receive(LARGE);
    await expect(create(file, fresh(), { columns: { three: 'text' } })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await file.release();
    expect(await added()).toBe(0);
  });

  it('the caller, when another task got the name meanwhile', async () => {
    const name = fresh();
    const [first, second] = [await receive(SAMPLE), await receive(SAMPLE)];
    await create(first, name);
    await expect(create(second, name)).rejects.toMatchObject({ code: 'task_exists' });
    for (const file of [first, second]) await file.release();
    expect(await api.store.stat(first.source.key)).not.toBeNull();
    expect(await api.store.stat(second.source.key)).toBeNull();
  });

  it('the caller, when the same request has made its task before', async () => {
    const name = fresh();
    const first = await receive(SAMPLE);
    await create(first, name, {}, 'again');
    const second = await receive(SAMPLE);
    expect((await create(second, name, {}, 'again')).created).toBe(false);
    for (const file of [first, second]) await file.release();
    expect(await api.store.stat(first.source.key)).not.toBeNull();
    expect(await api.store.stat(second.source.key)).toBeNull();
  });
});

describe('a start', () => {
  const start = (task_name: string, content = SAMPLE) =>
    api.form([
      ['user_id', 'own'],
      ['task_name', task_name],
      ['file', content, 'a.csv'],
    ]);

  it.each(['tasks', 'parts'] as const)('that PostgreSQL refuses in %s leaves neither file nor task', async (table) => {
    await onInsert(table, `RAISE EXCEPTION 'refused'`);
    const name = fresh();
    expect((await start(name, LARGE)).status).toBeGreaterThanOrEqual(400);
    expect([await added(), await tasksNamed(name)]).toEqual([0, 0]);
  });

  it('that loses PostgreSQL while its task is created leaves the file, which the task may have', async () => {
    await onInsert('tasks', 'PERFORM pg_terminate_backend(pg_backend_pid())');
    const name = fresh();
    expect((await start(name)).json).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect([await added(), await tasksNamed(name)]).toEqual([1, 0]);
  });

  it.each([false, true])('hands its file to its task, with Temporal away: %s', async (away) => {
    api.temporal.away = away;
    expect((await start(fresh())).status).toBe(202);
    expect((await api.post('/upload/start', { user_id: 'own', task_name: fresh() })).status).toBe(202);
    expect(await added()).toBe(2);
  });
});
