import { execFileSync } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import type { Task } from '../../src/contract/task.js';
import { commandTask } from '../../src/tasks/commands.js';
import { getTask } from '../../src/tasks/tasks.js';
import { salesCsv, useOwnService } from './service.js';

const service = useOwnService();

async function loading(rate = 200_000): Promise<TaskKey> {
  const key = await service.upload(salesCsv(60_000), { max_bytes_per_second: rate });
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

const idOf = (key: TaskKey) => `upload/ana/${key.task_name}`;

function temporal(...args: string[]): void {
  execFileSync(inject('temporalCli'), [...args, '--address', inject('temporalAddress')], { stdio: 'pipe' });
}

/** Pauses what a task works at, natively. Resolves to the task when it reads paused. */
async function pausedNatively(key: TaskKey): Promise<Task> {
  const { raw } = await service.temporal.workflow.getHandle(idOf(key)).describe();
  temporal('activity', 'pause', '-w', idOf(key), '--activity-id', raw.pendingActivities![0]!.activityId!);
  return service.reaches(key, (task) => task.state === 'paused');
}

/** Rows come again after it was paused; then it is of no use any more. */
async function goesOn(key: TaskKey, paused: Task): Promise<void> {
  await service.reaches(key, (task) => task.rows.done > paused.rows.done);
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}

async function lastEvent(key: TaskKey, action: string): Promise<Record<string, unknown>> {
  const { rows } = await service.pool.query(
    `SELECT e.* FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
      WHERE t.task_name = $1 AND e.action = $2 AND e.channel <> 'service' ORDER BY e.id DESC LIMIT 1`,
    [key.task_name, action],
  );
  return rows[0];
}

describe('a task changed in Temporal, not through the service,', () => {
  it('by native terminate is rolled back, and its events say by whom', async () => {
    const key = await loading();
    temporal('workflow', 'terminate', '-w', idOf(key), '--reason', 'by hand');
    await service.client.waitFor(key, ['terminated']);
    expect(await lastEvent(key, 'terminate_requested')).toMatchObject({
      channel: 'operator',
      reason: 'by hand',
      actor: expect.stringMatching(/.+/),
    });
  }, 60_000);

  it('by native terminate while it is paused is rolled back', async () => {
    const key = await loading();
    await service.client.command('pause', key);
    await service.client.waitFor(key, ['paused']);
    temporal('workflow', 'terminate', '-w', idOf(key));
    await service.until(async () => (await service.state(key)) === 'terminated', 60_000);
  }, 90_000);

  it('by a native activity pause reads paused by the operator, and a resume lifts it', async () => {
    const key = await loading();
    const paused = await pausedNatively(key);
    expect(paused.pause_reasons[0]).toMatch(/^operator/);
    await service.client.command('resume', key);
    await goesOn(key, paused);
  }, 60_000);

  it('continues after a resume whose API was killed before it could lift the native pause', async () => {
    const key = await loading();
    const paused = await pausedNatively(key);
    const row = await getTask(service.pool, { kind: 'upload', userId: 'ana', taskName: key.task_name });
    await commandTask(service.pool, row, { action: 'resume', channel: 'api' });
    await goesOn(key, paused);
  }, 60_000);

  it('waits for room on the disk of PostgreSQL to take a signal, and forgets none', async () => {
    const key = await loading();
    await service.pool.query(
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$`,
    );
    await service.pool.query(
      'CREATE TRIGGER full_disk BEFORE INSERT ON long_task.task_events FOR EACH ROW EXECUTE FUNCTION full_disk()',
    );
    await service.signal(key, 'terminate');
    await service.until(() => service.log.some((line) => line.includes('53100') && line.includes('applyCommands')));
    await service.pool.query('DROP TRIGGER full_disk ON long_task.task_events');
    await service.client.waitFor(key, ['terminated']);
    const { rows } = await service.pool.query(
      `SELECT count(*)::int AS runs FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
        WHERE t.task_name = $1 AND e.action = 'terminate_requested' AND e.channel = 'signal'`,
      [key.task_name],
    );
    expect(rows[0].runs).toBe(1);
  }, 60_000);

  it('continues after a workflow reset, each row once', async () => {
    const key = await loading(3_000_000);
    temporal('workflow', 'reset', '-w', idOf(key), '--type', 'FirstWorkflowTask', '--reason', 'test');
    const task = await service.client.waitFor(key, ['completed']);
    expect(task.receipt!.rows_loaded).toBe(60_000);
  }, 60_000);

  it('continues from the checkpoint after the loss of its history', async () => {
    const key = await loading(2_000_000);
    await service.client.command('pause', key);
    const paused = await service.client.waitFor(key, ['paused']);
    temporal('workflow', 'delete', '-w', idOf(key), '--yes');
    await service.client.command('resume', key);
    const task = await service.client.waitFor(key, ['completed']);
    expect(paused.rows.done).toBeGreaterThan(0);
    expect(task.receipt!.rows_loaded).toBe(60_000);
  }, 60_000);
});
