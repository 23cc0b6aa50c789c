import pino from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { STATE_ATTRIBUTE } from '../../src/contract/search-attributes.js';
import { RESTARTED, RESTARTED_BEFORE, reconcileAll } from '../../src/maintenance/reconciler.js';
import { settleTask } from '../../src/tasks/commands.js';
import { getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
const log = pino({ level: 'silent' });
const reconcile = () => reconcileAll({ pool: api.pool, temporal: api.temporal.gateway, log }, true);
beforeEach(() => api.pool.query('TRUNCATE long_task.tasks CASCADE'));

/** An upload that runs, has a workflow and has been quiet for a while. */
async function running(): Promise<{ row: TaskRow; runId: string; now(): Promise<TaskRow> }> {
  const row = await newUpload(api.pool);
  await settleTask(api.pool, row.id);
  await api.temporal.gateway.startWorkflow(row);
  const { runId } = await api.temporal.client.workflow.getHandle(row.workflow_id).describe();
  await api.pool.query('DELETE FROM long_task.outbox');
  await api.pool.query(`UPDATE long_task.tasks SET updated_at = now() - interval '1 minute'`);
  return { row, runId, now: () => getTaskById(api.pool, row.id) };
}

it('leaves a task alone whose workflow runs', async () => {
  const task = await running();
  await reconcile();
  expect((await task.now()).version).toBe(task.row.version + 1); // That of the settle.
  expect(await api.temporal.received(task.row.workflow_id)).toEqual(['start']);
});

it('treats the end of a workflow as a terminate, by any caller, and starts a new one that rolls back', async () => {
  const task = await running();
  await api.temporal.end(task.row.workflow_id);
  await Promise.all([reconcile(), reconcile()]);
  expect((await task.now()).state).toBe('terminating');
  expect(await api.temporal.received(task.row.workflow_id)).toEqual(['start']);
});

it('does not treat its own end of a stuck workflow as a terminate, and redelivers its last command', async () => {
  const task = await running();
  const old = api.temporal.client.workflow.getHandle(task.row.workflow_id, task.runId);
  await old.signal('resume');
  await api.temporal.step(task.row.workflow_id);
  await old.signal('pause', { reason: 'lunch' });
  // Like an API that is killed before it continues.
  await api.temporal.gateway.endWorkflow(task.row, task.runId, RESTARTED);
  await reconcile();
  expect(await task.now()).toMatchObject({ state: 'pausing', pause_reasons: ['lunch'] });
  expect((await old.describe()).status.name).toBe('TERMINATED');
  const { runId } = await api.temporal.client.workflow.getHandle(task.row.workflow_id).describe();
  expect(runId).not.toBe(task.runId);
});

it.each([RESTARTED, RESTARTED_BEFORE])('redelivers the reject limit of a resume after "%s"', async (reason) => {
  const task = await running();
  const old = api.temporal.client.workflow.getHandle(task.row.workflow_id, task.runId);
  await old.signal('resume', { max_rejects: 7 });
  await api.temporal.gateway.endWorkflow(task.row, task.runId, reason);
  await reconcile();
  expect((await task.now()).options).toMatchObject({ max_rejects: 7 });
});

it('starts the next workflow with the state that the task has by then', async () => {
  const task = await running();
  await api.temporal.end(task.row.workflow_id);
  await reconcile();
  const { typedSearchAttributes } = await api.temporal.client.workflow.getHandle(task.row.workflow_id).describe();
  expect(typedSearchAttributes.get(STATE_ATTRIBUTE)).toBe('terminating');
});

it('has a workflow tidy up after a completed task when the one before went too early', async () => {
  const task = await running();
  await api.temporal.end(task.row.workflow_id);
  await api.pool.query(`UPDATE long_task.tasks SET state = 'completed'`);
  await reconcile(); // There is nothing to tidy.
  const { runId } = await api.temporal.client.workflow.getHandle(task.row.workflow_id).describe();
  expect(runId).toBe(task.runId);
  await api.pool.query('INSERT INTO long_task.parts (task_id, part_no) VALUES ($1, 1)', [task.row.id]);
  await reconcile();
  const next = await api.temporal.client.workflow.getHandle(task.row.workflow_id).describe();
  expect([next.status.name, next.runId === task.runId]).toEqual(['RUNNING', false]);
});
