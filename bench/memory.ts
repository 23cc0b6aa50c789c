import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { peakMemory, residentMemory } from '../testkit/memory.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { untilClosed } from '../testkit/steering.js';
import { megabytes, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';
import type { Plot, Series } from './plot.js';
import { replaceWorker } from './replace-worker.js';

const LIMIT_MIB = 256;

/** The most memory that a worker of its own has had resident while it loaded a file of each size. */
export async function benchMemory({
  workspace,
  rows,
  isFull,
  isQuick,
}: BenchInput & { isFull: boolean; isQuick: boolean }): Promise<{ figures: Figure[]; plot: Plot }> {
  const figures: Figure[] = [];
  const series: Series[] = [];
  for (const size of [rows / 10, rows, ...(isFull ? [rows * 10] : [])].map(Math.round)) {
    const file = path.join(workspace.folder, 'memory.csv');
    const { bytes } = await writeSalesFile(file, { rows: size });
    const pid = await replaceWorker(workspace);
    const atRest = peakMemory(pid);
    const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: `memory ${size}` };
    const memory = watchMemory(pid);
    await workspace.client.upload(key, file);
    const { table } = await workspace.client.waitFor(key, ['completed']);
    await untilClosed(workspace, key);
    series.push({ name: `file of ${megabytes(bytes)}`, points: memory.stop() });
    const peak = peakMemory(pid);
    say(`${megabytes(bytes)}: ${peak?.toFixed(0)} MiB, ${atRest?.toFixed(0)} MiB when it had started`);
    figures.push(
      limitFigure(`peak resident memory of the worker, file of ${megabytes(bytes)}`, peak, 'MiB', LIMIT_MIB),
    );
    await workspace.db.query(`DROP TABLE ${table}`);
    await rm(file);
  }
  const many = isQuick ? [] : await benchMemoryOfMany(workspace);
  const plot: Plot = {
    title: 'Resident memory of the worker during an upload',
    x: { label: 'seconds since the start request' },
    y: { label: 'MiB' },
    series,
  };
  return { figures: [...figures, ...many], plot };
}

const SAMPLE_MS = 100;

/** Notes the resident memory of a process, over the seconds from now on, until it is stopped. */
function watchMemory(pid: number): { stop(): Series['points'] } {
  const began = performance.now();
  const points: Series['points'] = [];
  const sample = () => {
    const y = residentMemory(pid);
    if (y !== undefined) points.push({ x: (performance.now() - began) / 1000, y });
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return points;
    },
  };
}

const FILES = 300;
const CLIENTS = 20;
const FILE_ROWS = 8_000;
const FIELD_BYTES = 20 << 20;
const REST_MS = 15_000;

/** The same over many small files at once, and then over a file with one long field, in one worker. */
async function benchMemoryOfMany(workspace: BenchInput['workspace']): Promise<Figure[]> {
  const file = path.join(workspace.folder, 'small.csv');
  await writeSalesFile(file, { rows: FILE_ROWS });
  const pid = await replaceWorker(workspace);
  let next = 0;
  const client = async () => {
    while (next < FILES) {
      const number = next++;
      await load(workspace, { kind: 'upload', user_id: `many ${number % 5}`, task_name: `many ${number}` }, file);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const crowd = peakMemory(pid);
  await writeFile(
    file,
    Buffer.concat([Buffer.from('a,b\n1,'), Buffer.alloc(FIELD_BYTES, 'x'), Buffer.from('\n2,y\n')]),
  );
  await load(workspace, { kind: 'upload', user_id: 'many', task_name: 'long field' }, file);
  const field = peakMemory(pid);
  await sleep(REST_MS);
  const name = 'resident memory of the worker';
  await rm(file);
  return [
    limitFigure(`peak ${name}, ${FILES} files of 1 MB from ${CLIENTS} clients`, crowd, 'MiB', LIMIT_MIB),
    limitFigure(`peak ${name}, and then a field of 20 MB`, field, 'MiB', LIMIT_MIB),
    limitFigure(`${name} ${REST_MS / 1000} s later`, residentMemory(pid), 'MiB', LIMIT_MIB),
  ];
}

async function load({ client, db }: BenchInput['workspace'], key: TaskKey, file: string): Promise<void> {
  await client.upload(key, file);
  const { table } = await client.waitFor(key, ['completed']);
  await db.query(`DROP TABLE ${table}`);
}
