import { expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { useOwnService } from './service.js';

const service = useOwnService();

const BAD = 'a,b\n1,2\n3\n';

async function faultsOf({ task_name }: TaskKey): Promise<string[]> {
  const { rows } = await service.pool.query(
    `SELECT e.reason FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
      WHERE t.task_name = $1 AND e.channel = 'service' AND e.to_state IN ('pausing', 'terminating')`,
    [task_name],
  );
  return rows.map(({ reason }) => reason);
}

async function activitiesOf({ task_name }: TaskKey): Promise<string[]> {
  const { events } = await service.temporal.workflow.getHandle(`upload/ana/${task_name}`).fetchHistory();
  return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
}

it('a fault is recorded with its texts by the activity that meets it, and Temporal learns its place', async () => {
  const key = await service.upload(BAD, { on_limit: 'rollback' });
  const task = await service.client.waitFor(key, ['failed']);
  expect(task.error).toMatchObject({ code: 'reject_limit', row: 2, column: 'b', column_number: 2, value: '3' });
  expect(await activitiesOf(key)).not.toContain('recordFault');
});

it.each(['fault:before-commit', 'fault:after-commit'])(
  'a worker killed at %s leaves the fault recorded once',
  async (place) => {
    await service.worker.stop();
    const worker = await service.startWorker({ FAILPOINT: `${place}:1:kill` });
    const key = await service.upload(BAD);
    await worker.exited;
    await service.startWorker();
    await service.client.waitFor(key, ['paused']);
    expect(await faultsOf(key)).toEqual(['reject_limit']);
    expect((await service.client.progress(key)).error).toMatchObject({ code: 'reject_limit', row: 2 });
    await service.client.command('terminate', key);
    await service.client.waitFor(key, ['terminated']);
  },
  60_000,
);

it('PostgreSQL away while a fault is recorded is waited for', async () => {
  await service.worker.stop();
  await service.startWorker({ FAILPOINT: 'fault:before-commit:1:delay:3000' });
  const key = await service.upload(BAD);
  const { rows } = await service.pool.query('SELECT current_database() AS name');
  await service.until(() => service.log.some((line) => line.includes('"fault:before-commit"')));
  await service.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'long-task worker%'`,
    [rows[0].name],
  );
  await service.client.waitFor(key, ['paused']);
  expect(await faultsOf(key)).toEqual(['reject_limit']);
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}, 60_000);

it('a command that comes while a fault is recorded wins', async () => {
  await service.worker.stop();
  await service.startWorker({ FAILPOINT: 'load:after-claim:1:delay:2000' });
  const key = await service.upload('a,b\n1,2\nx,4\n', { columns: { a: 'integer' } });
  await service.until(() => service.log.some((line) => line.includes('"load:after-claim"')));
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
  expect(await faultsOf(key)).toEqual([]);
}, 60_000);
