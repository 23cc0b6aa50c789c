import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { useOwnService } from './service.js';

const service = useOwnService();

/** A file of windows-1252 of many megabytes, some rows of it malformed. */
function western(rows: number): Buffer {
  const lines = Array.from({ length: rows }, (_, i) =>
    i % 50_000 === 7 ? `${i}` : `${i};Stra\xdfe ${i};${i % 97},50;"x;y"`,
  );
  return Buffer.from(`id;name;amount;note\r\n${lines.join('\r\n')}\r\n`, 'latin1');
}

const ROWS = 200_000;

async function expectExact(task: Awaited<ReturnType<typeof service.client.progress>>): Promise<void> {
  expect(task.receipt).toMatchObject({ rows_in_file: ROWS, rows_loaded: ROWS - 4, rows_rejected: 4 });
  const { rows } = await service.pool.query(
    `SELECT count(*), sum(_row)::bigint AS sum, count(*) FILTER (WHERE name = 'Straße ' || id AND _row = id + 1) AS right FROM ${task.table}`,
  );
  const bad = Array.from({ length: 4 }, (_, i) => i * 50_000 + 8).reduce((a, b) => a + b);
  expect(rows[0]).toEqual({ count: ROWS - 4, sum: (ROWS * (ROWS + 1)) / 2 - bad, right: ROWS - 4 });
}

it('a conversion is paused, resumed and killed without a trace', { timeout: 90_000 }, async () => {
  const content = gzipSync(western(ROWS), { level: 1 });
  const key = await service.upload(content, { max_rejects: 8 });
  await service.reaches(key, ({ phase }) => phase === 'inspecting');
  const paused = await service.client.command('pause', key);
  expect(['pausing', 'paused']).toContain(paused.state);
  const held = await service.client.waitFor(key, ['paused']);
  expect(held.held).toEqual({ connections: 0, activities: 0, locks: 0 });
  await service.client.command('resume', key);
  await service.killWorkers();
  await service.startWorker();
  await expectExact(await service.client.waitFor(key, ['completed', 'failed']));
});

it('a conversion that is terminated leaves nothing', async () => {
  const key = await service.upload(western(ROWS), { max_rejects: 8 });
  await service.reaches(key, ({ phase }) => phase === 'inspecting');
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
});

it('a worker killed with the files of a conversion written converts again', { timeout: 60_000 }, async () => {
  await service.killWorkers();
  const worker = await service.startWorker({ FAILPOINT: 'convert:after-files:1:kill' });
  const key = await service.upload(western(ROWS), { max_rejects: 8 });
  await worker.exited;
  await service.startWorker();
  await expectExact(await service.client.waitFor(key, ['completed', 'failed']));
});
