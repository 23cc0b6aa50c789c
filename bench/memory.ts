import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../testkit/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { peakMemory } from '../testkit/memory.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { untilClosed } from '../testkit/steering.js';
import { megabytes, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const LIMIT_MIB = 256;

/** The most memory that a worker of its own has had resident while it loaded a file of each size. */
export async function benchMemory({ workspace, rows, isFull }: BenchInput & { isFull: boolean }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of [rows / 10, rows, ...(isFull ? [rows * 10] : [])].map(Math.round)) {
    const file = path.join(workspace.folder, 'memory.csv');
    const { bytes } = await writeSalesFile(file, { rows: size });
    const pid = await replaceWorker(workspace);
    const atRest = peakMemory(pid);
    const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: `memory ${size}` };
    await workspace.client.upload(key, file);
    const { table } = await workspace.client.waitFor(key, ['completed']);
    await untilClosed(workspace, key);
    const peak = peakMemory(pid);
    say(`${megabytes(bytes)}: ${peak?.toFixed(0)} MiB, ${atRest?.toFixed(0)} MiB when it had started`);
    figures.push(
      limitFigure(`peak resident memory of the worker, file of ${megabytes(bytes)}`, peak, 'MiB', LIMIT_MIB),
    );
    await workspace.db.query(`DROP TABLE ${table}`);
    await rm(file);
  }
  return figures;
}

// What a process has once taken from the system it may keep: only a fresh one shows what one load needs.
async function replaceWorker({ service }: BenchInput['workspace']): Promise<number> {
  const old = service.services().worker_pid;
  process.kill(old, 'SIGTERM');
  while (service.services().worker_pid === old) await sleep(50);
  // Until it has connected and loaded its workflows.
  await sleep(3000);
  return service.services().worker_pid;
}
