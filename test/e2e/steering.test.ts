import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useService } from './service.js';

const service = useService();

/** Bytes per second: each batch is of one second. */
const SLOWEST = { max_bytes_per_second: 1024 };

/** How often the step that works for a task was tried. */
async function attempts({ kind, user_id, task_name }: TaskKey): Promise<number[]> {
  const { raw } = await service.temporal.workflow.getHandle(`${kind}/${user_id}/${task_name}`).describe();
  return (raw.pendingActivities ?? []).map(({ attempt }) => attempt ?? 0);
}

async function terminate(...keys: TaskKey[]): Promise<void> {
  for (const key of keys) await service.client.command('terminate', key);
  for (const key of keys) await service.client.waitFor(key, ['terminated']);
}

describe('a task that waits for its rate', () => {
  it('holds no session and no lock nearly all of the time, and its step is not given up for dead', async () => {
    const key = await service.upload(salesCsv(10_000), SLOWEST);
    await service.reaches(key, (task) => task.rows.done > 0);
    const seen: number[] = [];
    // Longer than the heartbeat timeout.
    for (const end = performance.now() + 10_000; performance.now() < end; await sleep(100)) {
      const { rows } = await service.pool.query(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity
          WHERE datname = current_database() AND application_name ~ '^long-task [0-9]'`,
      );
      seen.push(rows[0].sessions);
    }
    expect(seen.filter((sessions) => sessions > 0).length).toBeLessThan(seen.length / 5);
    expect(await attempts(key)).toEqual([1]);
    const { rows } = await service.client.progress(key);
    expect(rows.done).toBeGreaterThan(100);
    await terminate(key);
  }, 60_000);

  it('exports part by part, holds nothing in between, and comes out the same', async () => {
    const csv = salesCsv(12_000);
    const { table, task_name } = await service.uploaded(csv);
    const key: TaskKey = { kind: 'download', user_id: 'ana', task_name };
    await service.client.download(key, { max_bytes_per_second: 100_000 });
    const began = performance.now();
    const between = await service.reaches(key, (task) => task.rows.done > 0 && task.held.connections === 0);
    expect(between).toMatchObject({ state: 'running', phase: 'dumping', table });
    const done = await service.client.waitFor(key, ['completed']);
    expect(Buffer.byteLength(csv) / ((performance.now() - began) / 1000)).toBeLessThan(110_000);
    expect(await (await fetch(new URL(done.download_url!, service.client.api))).text()).toBe(csv);
  }, 60_000);
});

it('a frozen worker shows in its tasks and in /health/ready within 30 s, and no longer once it wakes', async () => {
  const key = await service.upload(salesCsv(60_000), { max_bytes_per_second: 50_000 });
  const moving = await service.reaches(key, (task) => task.rows.done > 0 && task.eta_seconds !== null);
  expect(moving.warnings).toEqual([]);
  process.kill(service.worker.pid, 'SIGSTOP');
  const health = async () => (await fetch(`${service.client.api}/health/ready`)).json() as Promise<{ status: string }>;
  try {
    const task = await service
      .until(async () => (await service.client.progress(key)).warnings.length > 0, 30_000)
      .then(() => service.client.progress(key));
    expect(task).toMatchObject({ eta_seconds: null, warnings: [expect.stringContaining('No worker is responding')] });
    expect(await health()).toMatchObject({ status: 'unavailable', worker: 'down' });
  } finally {
    process.kill(service.worker.pid, 'SIGCONT');
  }
  await service.until(async () => (await health()).status === 'ok');
  expect((await service.client.progress(key)).warnings).toEqual([]);
  await terminate(key);
}, 90_000);
