import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { withTransaction } from '../../src/postgres/pool.js';
import { faultTask, settleTask } from '../../src/tasks/commands.js';
import { finishRollback } from '../../src/tasks/endings.js';
import { createTask } from '../../src/tasks/new-task.js';
import { getTask, getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { SAMPLE, useAddedFiles, useApi } from './support.js';

const api = useApi();
const added = useAddedFiles(api);

const rowOf = (task_name: string) => getTask(api.pool, { kind: 'upload', userId: 'ana', taskName: task_name });

/** An upload that was started and has failed, as the worker would let it. Its workflow is still there. */
async function failed(fields: object = {}, headers = {}): Promise<TaskRow> {
  const task_name = randomUUID();
  const { status } = await api.post('/upload/start', { user_id: 'ana', task_name, ...fields }, headers);
  expect(status).toBe(202);
  const row = await rowOf(task_name);
  await settleTask(api.pool, row.id);
  const { epoch } = await rowOf(task_name);
  await faultTask(api.pool, row.id, epoch, { code: 'invalid_utf8', detail: 'Row 3 is not UTF-8.', row: 3 });
  await api.store.remove(row.source!.key);
  await withTransaction(api.pool, (client) => finishRollback(client, row.id));
  return getTaskById(api.pool, row.id);
}

async function setState(row: TaskRow, state: string): Promise<void> {
  await api.pool.query('UPDATE long_task.tasks SET state = $2 WHERE id = $1', [row.id, state]);
}

const tasks = async (query: string) => (await api.get(`/tasks?user_id=ana&${query}`)).json.tasks;

describe('the name of a task that has failed or was terminated', () => {
  it.each(['failed', 'terminated'])('is free when it is %s, and the old record is history', async (state) => {
    const old = await failed();
    await setState(old, state);
    const start = await api.post('/upload/start', { user_id: 'ana', task_name: old.task_name, max_rejects: 5 });
    expect([start.status, start.json.state, start.json.error]).toEqual([202, 'queued', null]);
    const { json } = await api.get(`/tasks/upload/${old.task_name}?user_id=ana`);
    expect([json.state, json.superseded_at]).toEqual(['queued', null]);
    const of = ({ task_name }: { task_name: string }) => task_name === old.task_name;
    expect((await tasks('limit=200')).filter(of).map((task: { state: string }) => task.state)).toEqual(['queued']);
    const [past, ...more] = (await tasks('history=true&limit=200')).filter(of);
    expect(more).toEqual([]);
    expect(past).toMatchObject({ state, error: { code: 'invalid_utf8', row: 3 }, allowed_actions: [] });
    expect(past.superseded_at).toMatch(/^\d{4}-/);
    expect(past.workflow_id).toBe(`upload/ana/${old.task_name}`);
    expect((await tasks(`history=true&state=${state}&kind=download`)).filter(of)).toEqual([]);
  });

  it('is free again and again, with a file, too', async () => {
    const { task_name } = await failed();
    for (let round = 0; round < 3; round++) {
      const parts: Parameters<typeof api.form>[0] = [
        ['user_id', 'ana'],
        ['task_name', task_name],
        ['file', SAMPLE, 'x.csv'],
      ];
      expect((await api.form(parts)).status).toBe(202);
      await setState(await rowOf(task_name), 'terminated');
    }
    const { rows } = await api.pool.query(
      'SELECT count(*) AS rows, count(superseded_at) AS past FROM long_task.tasks WHERE task_name = $1',
      [task_name],
    );
    expect(rows[0]).toEqual({ rows: 4, past: 3 });
  });

  it('has one winner when many start at once, and the losers keep nothing', async () => {
    for (let round = 0; round < 5; round++) {
      const { task_name } = await failed();
      const before = await added();
      const start = () => api.post('/upload/start', { user_id: 'ana', task_name });
      const answers = await Promise.all(Array.from({ length: 8 }, start));
      const codes = answers.map(({ status, json }) => (status === 202 ? 'started' : `${status} ${json.code}`));
      expect(codes.sort()).toEqual([...Array(7).fill('409 task_exists'), 'started']);
      expect((await added()) - before).toBe(1);
    }
  });

  it.each([
    ['queued', 'terminate'],
    ['paused', 'terminate'],
    ['rollback_failed', 'wait'],
    ['terminating', 'wait'],
    ['completed', 'DELETE /tasks/upload/'],
  ])('is kept by a task that is %s, and the error says what to do', async (state, advice) => {
    const old = await failed();
    await setState(old, state);
    const { json } = await api.post('/upload/start', { user_id: 'ana', task_name: old.task_name });
    expect(json).toMatchObject({ status: 409, code: 'task_exists', current_state: state });
    expect(json.detail).toContain(`by a ${state} `);
    expect(json.detail).toContain('another task_name');
    expect(json.detail).toContain(advice);
    expect((await getTaskById(api.pool, old.id)).superseded_at).toBeNull();
    await setState(old, 'failed');
  });
});

describe('an Idempotency-Key', () => {
  it('gives the task that it made, also when that is history by now', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const old = await failed({}, key);
    const again = () => api.post('/upload/start', { user_id: 'ana', task_name: old.task_name }, key);
    expect((await again()).json).toMatchObject({ state: 'failed', superseded_at: null });
    expect((await getTaskById(api.pool, old.id)).superseded_at).toBeNull();
    expect((await api.post('/upload/start', { user_id: 'ana', task_name: old.task_name })).status).toBe(202);
    const repeated = await again();
    expect(repeated.json).toMatchObject({ state: 'failed', superseded_at: expect.any(String) });
    expect(repeated.headers.get('location')).toBe('/tasks?history=true&kind=upload&user_id=ana');
    expect((await rowOf(old.task_name)).state).toBe('queued');
  });

  it('makes one task of many requests at once for a name that is free', async () => {
    const { task_name } = await failed();
    const key = { 'idempotency-key': randomUUID() };
    const start = () => api.post('/upload/start', { user_id: 'ana', task_name }, key);
    const answers = await Promise.all(Array.from({ length: 10 }, start));
    expect(answers.map(({ status, json }) => [status, json.state])).toEqual(Array(10).fill([202, 'queued']));
    const { rows } = await api.pool.query('SELECT count(*) AS rows FROM long_task.tasks WHERE task_name = $1', [
      task_name,
    ]);
    expect(rows[0].rows).toBe(2);
  });

  it('of the very task that has the name keeps it there, when that has failed in between', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const old = await failed({}, key);
    const { rows } = await api.pool.query(
      'SELECT idempotency_key, idempotency_hash FROM long_task.tasks WHERE id = $1',
      [old.id],
    );
    const { row, created } = await createTask(api.pool, {
      kind: 'upload',
      userId: 'ana',
      taskName: old.task_name,
      options: old.options,
      idempotency: { key: rows[0].idempotency_key, hash: rows[0].idempotency_hash },
    });
    expect([row.id, row.superseded_at, created]).toEqual([old.id, null, false]);
  });

  it('of another request leaves the name alone', async () => {
    const key = { 'idempotency-key': randomUUID() };
    await failed({}, key);
    const old = await failed();
    const { json } = await api.post('/upload/start', { user_id: 'ana', task_name: old.task_name }, key);
    expect(json.code).toBe('idempotency_key_reused');
    expect((await getTaskById(api.pool, old.id)).superseded_at).toBeNull();
  });
});
