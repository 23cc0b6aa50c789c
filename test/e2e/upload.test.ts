import { describe, expect, it } from 'vitest';
import { salesCsv, useService } from './service.js';

const service = useService();

describe('an upload', () => {
  it('loads every row once, with types and a receipt that balances, and comes out again the same', async () => {
    const csv = salesCsv(20_000);
    const task = await service.uploaded(csv);
    expect(task.receipt).toMatchObject({
      rows_in_file: 20_000,
      rows_loaded: 20_000,
      rows_rejected: 0,
      bytes: Buffer.byteLength(csv),
    });
    expect(task.receipt!.columns.map((column) => column.type)).toEqual(['integer', 'text', 'numeric', 'text', 'text']);
    expect(await service.exported({}, task.task_name)).toBe(csv);
  });

  it('is paused by a signal without an argument and by one with a strange argument, and continues', async () => {
    const key = await service.upload(salesCsv(100_000), { max_bytes_per_second: 2_000_000 });
    await service.reaches(key, (task) => task.rows.done > 0);
    await service.signal(key, 'pause', 42);
    const paused = await service.client.waitFor(key, ['paused']);
    await service.signal(key, 'no_such_signal');
    await service.signal(key, 'resume');
    await service.reaches(key, (task) => task.rows.done > paused.rows.done);
    await service.signal(key, 'terminate', { reason: 'enough' });
    await service.client.waitFor(key, ['terminated']);
  });

  it('commits no row after a pause has been answered, and holds nothing once it is paused', async () => {
    const key = await service.upload(salesCsv(100_000), { max_bytes_per_second: 3_000_000 });
    // It holds something only while it works, a few milliseconds of each tenth of a second.
    await service.reaches(key, (task) => task.rows.done > 0 && task.held.activities > 0 && task.held.connections > 0);
    await service.client.command('pause', key);
    const first = await service.client.progress(key);
    const paused = await service.client.waitFor(key, ['paused']);
    expect(paused.rows.done).toBe(first.rows.done);
    expect(paused.held).toEqual({ connections: 0, activities: 0, locks: 0 });
    await service.client.command('resume', key);
    await service.client.command('terminate', key);
    await service.client.waitFor(key, ['terminated']);
  });

  it('that is cancelled natively is rolled back and reads Canceled in Temporal', async () => {
    const key = await service.upload(salesCsv(100_000), { max_bytes_per_second: 1_000_000 });
    await service.reaches(key, (task) => task.rows.done > 0);
    const handle = service.temporal.workflow.getHandle(`upload/${key.user_id}/${key.task_name}`);
    await handle.cancel();
    await service.client.waitFor(key, ['terminated']);
    await service.until(async () => (await handle.describe()).status.name === 'CANCELLED');
  });

  it('continues after a kill of its worker in the middle of a batch, and loads every row once', async () => {
    const csv = salesCsv(60_000);
    const key = await service.upload(csv, { max_bytes_per_second: 1_500_000 });
    await service.reaches(key, (task) => task.rows.done > 0);
    process.kill(service.worker.pid, 'SIGKILL');
    await service.startWorker();
    const task = await service.client.waitFor(key, ['completed']);
    expect(task.receipt!.rows_loaded).toBe(60_000);
    expect(await service.exported({}, key.task_name)).toBe(csv);
  });
});

describe('a bad row', () => {
  const csv = 'id,name\n1,a\n2,b,too many\n3,c\n';

  it('pauses the task and says which row, and a resume with a higher limit leaves it out', async () => {
    const key = await service.upload(csv);
    const paused = await service.client.waitFor(key, ['paused']);
    expect(paused).toMatchObject({
      pause_reasons: ['reject_limit'],
      error: { code: 'reject_limit', row: 2, byte_offset: 12 },
    });
    await fetch(`${service.client.api}/upload/resume`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user_id: key.user_id, task_name: key.task_name, max_rejects: 1 }),
    });
    const task = await service.client.waitFor(key, ['completed']);
    expect(task.receipt).toMatchObject({ rows_in_file: 3, rows_loaded: 2, rows_rejected: 1 });
    expect(await service.exported({}, key.task_name)).toBe('id,name\n1,a\n3,c\n');
  });

  it('fails the task with on_limit rollback', async () => {
    const key = await service.upload(csv, { on_limit: 'rollback' });
    expect((await service.client.waitFor(key, ['failed'])).error).toMatchObject({ code: 'reject_limit', row: 2 });
  });

  it('that PostgreSQL refuses is found by its row, column and value', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => (i === 4_321 ? 'x"" y'.replace('""', '') : `${i}`));
    const key = await service.upload(`id\n${rows.join('\n')}\n`, { columns: { id: 'integer' } });
    const paused = await service.client.waitFor(key, ['paused']);
    expect(paused.error).toMatchObject({ code: 'reject_limit', row: 4_322, column: 'id', value: 'x y' });
    await service.client.command('terminate', key);
    await service.client.waitFor(key, ['terminated']);
  });
});
