import { expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useService } from './service.js';

const service = useService();

/** An upload that takes minutes and has rows already. */
async function moving(): Promise<TaskKey> {
  const key = await service.upload(salesCsv(10_000), { max_bytes_per_second: 1024 });
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

const idOf = ({ kind, user_id, task_name }: TaskKey) => `${kind}/${user_id}/${task_name}`;

/** The commands that were recorded for a task, with the way by which they came. */
async function commandsOf(key: TaskKey): Promise<string[]> {
  const { rows } = await service.pool.query(
    `SELECT action || ' ' || channel AS command FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
      WHERE workflow_id = $1 AND channel <> 'service' ORDER BY e.id`,
    [idOf(key)],
  );
  return rows.map(({ command }) => command);
}

it('no field of a public signal has a hidden meaning: one with recorded: true pauses the task', async () => {
  const key = await moving();
  await service.signal(key, 'pause', { reason: 'lunch', recorded: true });
  expect((await service.client.waitFor(key, ['paused'])).pause_reasons).toEqual(['lunch']);
  expect(await commandsOf(key)).toEqual(['pause_requested signal']);
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}, 60_000);

it('a run that an earlier version started acts on the new signal, and on its own old one', async () => {
  const key = await moving();
  const { rows } = await service.pool.query('SELECT id FROM long_task.tasks WHERE workflow_id = $1', [idOf(key)]);
  const old = await service.temporal.workflow.start('upload', {
    workflowId: idOf(key),
    taskQueue: service.taskQueue,
    args: [{ taskId: rows[0].id, kind: 'upload' }],
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
  await service.client.command('pause', key);
  await service.client.waitFor(key, ['paused']);
  await service.client.command('resume', key);
  await service.reaches(key, (task) => task.state === 'running' && task.held.activities > 0);
  // As the earlier version's API would have it after it recorded the command.
  await old.signal('pause', { recorded: true });
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
  expect(await commandsOf(key)).toEqual(['pause_requested api', 'resumed api', 'terminate_requested api']);
}, 60_000);
