import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { dispatchOnce } from '../../src/maintenance/dispatcher.js';
import { reconcileAll } from '../../src/maintenance/reconciler.js';
import { commandTask, settleTask } from '../../src/tasks/commands.js';
import { listMessages } from '../../src/tasks/outbox.js';
import { getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { dispatchAll } from '../../src/temporal/dispatch.js';
import { startRun } from '../../src/temporal/start-run.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

/** A name that is used again has the workflow id of the task before it, whose run may still be there. */

const api = useApi();
const log = pino({ level: 'silent' });
const parts = () => ({ pool: api.pool, temporal: api.temporal.gateway, store: api.store, log });
afterEach(() => {
  api.temporal.away = false;
});

/** A task that has ended while its workflow has not: no worker is there to end it. */
async function ended(): Promise<{ row: TaskRow; runId: string }> {
  const row = await newUpload(api.pool);
  await dispatchAll(parts(), row);
  const { runId } = await api.temporal.client.workflow.getHandle(row.workflow_id).describe();
  await api.pool.query(`UPDATE long_task.tasks SET state = 'terminated' WHERE id = $1`, [row.id]);
  return { row, runId };
}

const next = ({ task_name }: TaskRow) => newUpload(api.pool, { taskName: task_name });

/** The task that the last run of the workflow was started for, and whether it runs. */
async function lastRun(workflowId: string): Promise<{ taskId: string; status: string; runId: string }> {
  const handle = api.temporal.client.workflow.getHandle(workflowId);
  const { status, runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const payload = events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads![0]!;
  return { status: status.name, runId, taskId: JSON.parse(Buffer.from(payload.data!).toString()).taskId };
}

const age = async (row: TaskRow) => {
  await api.pool.query(`UPDATE long_task.tasks SET updated_at = now() - interval '1 minute' WHERE id = $1`, [row.id]);
  await api.pool.query('UPDATE long_task.outbox SET next_attempt_at = now() WHERE task_id = $1', [row.id]);
};

it('a start does not attach to the run of the task that had the name before', async () => {
  const old = await ended();
  const row = await next(old.row);
  await dispatchAll(parts(), row);
  expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
  expect(await listMessages(api.pool, row)).toEqual([]);
  const before = await api.temporal.client.workflow.getHandle(row.workflow_id, old.runId).describe();
  expect(before.status.name).toBe('TERMINATED');
  // Once more: the task's own run is left alone.
  const { runId } = await lastRun(row.workflow_id);
  await dispatchAll(parts(), row);
  expect((await lastRun(row.workflow_id)).runId).toBe(runId);
});

it('a command that overtakes the start reaches the own run, not the old one', async () => {
  const old = await ended();
  const row = await next(old.row);
  const { row: paused } = await commandTask(api.pool, row, { action: 'pause', channel: 'api', reason: 'lunch' });
  await dispatchAll(parts(), paused);
  expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
  expect(await api.temporal.received(row.workflow_id)).toEqual([
    'start',
    'commandRecorded {"action":"pause","reason":"lunch"}',
  ]);
  const { events } = await api.temporal.client.workflow.getHandle(row.workflow_id, old.runId).fetchHistory();
  expect(events!.filter((event) => event.workflowExecutionSignaledEventAttributes)).toEqual([]);
});

it('a command that overtakes the start while Temporal is away reaches the own run by the dispatcher', async () => {
  const old = await ended();
  const row = await next(old.row);
  await commandTask(api.pool, row, { action: 'terminate', channel: 'api' });
  await age(row);
  api.temporal.away = true;
  await expect(dispatchOnce(parts())).rejects.toMatchObject({ code: 'temporal_unavailable' });
  api.temporal.away = false;
  await dispatchOnce(parts());
  expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
  expect(await api.temporal.received(row.workflow_id)).toEqual(['start', 'commandRecorded {"action":"terminate"}']);
});

it('a start that comes late does not end the run of the task that has the name now', async () => {
  const old = await ended();
  const row = await next(old.row);
  await dispatchAll(parts(), row);
  await expect(startRun(parts(), old.row)).rejects.toThrow(/another task/);
  expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
});

it('a start ends a run of its id that belongs to no task at all', async () => {
  const row = await newUpload(api.pool);
  for (const args of [[], ['x'], [{ taskId: 7 }], [{ taskId: '00000000-0000-0000-0000-000000000000' }]]) {
    await api.temporal.client.workflow.start('upload', { workflowId: row.workflow_id, taskQueue: 'nobody', args });
    await startRun(parts(), row);
    expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
    await api.temporal.end(row.workflow_id);
  }
}, 30_000);

it('what an operator did to the old run is not done to the new task', async () => {
  const old = await ended();
  await api.temporal.client.workflow.getHandle(old.row.workflow_id).signal('terminate');
  const row = await next(old.row);
  await settleTask(api.pool, row.id);
  await api.pool.query('DELETE FROM long_task.outbox WHERE task_id = $1', [row.id]);
  await api.pool.query('UPDATE long_task.tasks SET state_since = now() WHERE id = $1', [row.id]);
  // The new run was lost with its history: the last of that id is the old one, ended by hand.
  await api.temporal.end(old.row.workflow_id);
  await age(row);
  expect(await api.temporal.gateway.describeWorkflow(row)).toEqual({ is: 'closed' });
  expect(await api.temporal.gateway.listRunCommands(row, old.runId)).toEqual([]);
  await reconcileAll(parts(), true);
  expect((await getTaskById(api.pool, row.id)).state).toBe('running');
  expect(await lastRun(row.workflow_id)).toMatchObject({ taskId: row.id, status: 'RUNNING' });
});

it('a task that has given up its name is tidied by a workflow of an id of its own', async () => {
  const old = await ended();
  await next(old.row);
  const past = await getTaskById(api.pool, old.row.id);
  expect(past.workflow_id).toBe(`upload/${past.id}`);
  await api.pool.query(`UPDATE long_task.tasks SET state = 'completed' WHERE id = $1`, [past.id]);
  await api.pool.query('INSERT INTO long_task.parts (task_id, part_no) VALUES ($1, 1)', [past.id]);
  await age(past);
  await reconcileAll(parts(), true);
  expect(await lastRun(past.workflow_id)).toMatchObject({ taskId: past.id, status: 'RUNNING' });
});
