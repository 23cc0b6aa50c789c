import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import type { Running } from '../../launcher/processes.js';
import { TcpProxy } from '../../testkit/tcp-proxy.js';
import { salesCsv, useOwnService } from './service.js';

const service = useOwnService();

/** The SDK tries for ten seconds before it gives up to create a worker, and has eight to shut one down. */
const END_MS = 30_000;

/** How it ended, if it did within its time. */
async function endOf(worker: Running): Promise<string> {
  return Promise.race([worker.exited, sleep(END_MS, 'it still runs')]);
}

it('a worker that is asked to end while Temporal is away ends within its time, and its task continues on another worker', async () => {
  const temporal = await TcpProxy.open(Number(inject('temporalAddress').split(':')[1]));
  await service.worker.stop();
  const worker = await service.startWorker({ TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}` });
  const key = await service.upload(salesCsv(40_000), { max_bytes_per_second: 800_000 });
  await service.reaches(key, (task) => task.rows.done > 0);
  temporal.isRefusing = true;
  temporal.cut();
  process.kill(worker.pid, 'SIGTERM');
  expect(await endOf(worker)).toMatch(/^exit code/);
  await service.startWorker();
  await service.client.waitFor(key, ['completed']);
  await temporal.close();
}, 60_000);

it('a worker whose namespace is not there says so and waits for it', async () => {
  const namespace = `late-${randomUUID().slice(0, 8)}`;
  await service.worker.stop();
  const starting = service.startWorker({ TEMPORAL_NAMESPACE: namespace });
  await service.until(() => service.log.some((line) => line.includes(`namespace \\"${namespace}\\"`)));
  const create = ['operator', 'namespace', 'create', '--namespace', namespace];
  execFileSync(inject('temporalCli'), [...create, '--address', inject('temporalAddress')], { stdio: 'pipe' });
  const worker = await starting;
  process.kill(worker.pid, 'SIGTERM');
  expect(await endOf(worker)).toBe('exit code 0');
});

it('a worker that cannot start its work exits, so that it is restarted', async () => {
  await service.worker.stop();
  const temporal = await TcpProxy.open(Number(inject('temporalAddress').split(':')[1]));
  temporal.delayMs = 500;
  const before = service.log.length;
  const starting = service.startWorker({ TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}` });
  starting.catch(() => {}); // It never says that it has started.
  await service.until(() => service.log.slice(before).some((line) => line.includes('connected to Temporal')));
  temporal.isRefusing = true;
  temporal.cut();
  expect(await endOf(service.worker)).toBe('exit code 1');
  await temporal.close();
}, 60_000);
