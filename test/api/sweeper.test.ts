import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { Patience, sweepUndelivered } from '../../src/api/sweeper.js';
import { getTask } from '../../src/postgres/tasks.js';
import { useApi } from './support.js';

const api = useApi();
const log = pino({ level: 'silent' });
beforeEach(() => {
  api.temporal.away = false;
  api.temporal.told.length = 0;
});

const sweep = (patience = new Patience()) =>
  sweepUndelivered({ pool: api.pool, store: api.store, temporal: api.temporal, log }, patience);

/** Makes an upload while Temporal is away, and gives it a command if one is named; both a while ago. */
async function undelivered(action?: string) {
  const ref = { user_id: 'ana', task_name: randomUUID() };
  api.temporal.away = true;
  await api.post('/upload/start', ref);
  if (action) await api.post(`/upload/${action}`, ref);
  api.temporal.away = false;
  await api.pool.query(`UPDATE long_task.tasks SET updated_at = now() - interval '1 minute' WHERE task_name = $1`, [
    ref.task_name,
  ]);
  return {
    id: `upload/ana/${ref.task_name}`,
    row: () => getTask(api.pool, { kind: 'upload', userId: ref.user_id, taskName: ref.task_name }),
  };
}

it('delivers a start, once', async () => {
  const task = await undelivered();
  await sweep();
  await sweep();
  expect(api.temporal.told).toEqual([`start ${task.id}`]);
  expect((await task.row()).undelivered).toBeNull();
});

it('starts the workflow for a command that came before it', async () => {
  const task = await undelivered('pause');
  await sweep();
  expect(api.temporal.told).toEqual([`start ${task.id}`, `pause ${task.id} {"recorded":true}`]);
  expect((await task.row()).undelivered).toBeNull();
});

it('harms nothing when two sweep at once', async () => {
  const task = await undelivered('terminate');
  await Promise.all([sweep(), sweep()]);
  expect((await task.row()).undelivered).toBeNull();
  expect((await task.row()).state).toBe('terminating');
});

it('leaves young ones to their requests', async () => {
  const task = await undelivered();
  await api.pool.query('UPDATE long_task.tasks SET updated_at = now() WHERE workflow_id = $1', [task.id]);
  await sweep();
  expect(api.temporal.told).toEqual([]);
  await api.pool.query('UPDATE long_task.tasks SET undelivered = NULL');
});

it('stops at the first when Temporal is away', async () => {
  const task = await undelivered();
  api.temporal.away = true;
  await expect(sweep()).rejects.toMatchObject({ code: 'temporal_unavailable' });
  expect((await task.row()).undelivered).toBe('start');
  await api.pool.query('UPDATE long_task.tasks SET undelivered = NULL');
});

it('waits longer and longer for one that cannot be told', async () => {
  await undelivered();
  const tries: string[] = [];
  const start = api.temporal.startWorkflow;
  api.temporal.startWorkflow = async () => {
    tries.push('try');
    throw new Error('closed');
  };
  const patience = new Patience();
  await sweep(patience);
  await sweep(patience);
  expect(tries).toHaveLength(1);
  api.temporal.startWorkflow = start;
});
