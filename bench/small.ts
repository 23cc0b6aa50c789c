import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { TaskKey } from '../src/client/client.js';
import type { Figure } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { median } from '../testkit/speed.js';
import { say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const ROWS = 100;
/** One after the other, in turns with the peer. */
const SINGLE = 40;
const CLIENTS = 20;
/** By all clients together, in each of the turns. */
const CROWD = 200;
const TURNS = 3;
/** At the beginning, not counted: plans, caches and connections are made. */
const WARM_UP = 5;

type Task = () => Promise<void>;

/**
 * Uploads of a small file against a bare workflow with one activity that does nothing, on the same server: the time of
 * one, and how many a second 20 clients get done.
 */
export async function benchSmall(input: BenchInput & { isQuick: boolean }): Promise<Figure[]> {
  const turns = input.isQuick ? 1 : TURNS;
  const file = path.join(input.workspace.folder, 'small.csv');
  await writeSalesFile(file, { rows: ROWS });
  return withBareWorker(input, async (bare) => {
    const upload = () => uploadSmall(input, file);
    for (let i = 0; i < WARM_UP; i++) await timed(upload).then(() => timed(bare));
    const single = { upload: [] as number[], bare: [] as number[] };
    for (let i = 0; i < SINGLE; i++) {
      single.upload.push(await timed(upload));
      single.bare.push(await timed(bare));
    }
    const crowd = { upload: [] as number[], bare: [] as number[] };
    for (let turn = 0; turn < turns; turn++) {
      crowd.upload.push(await rateOf(upload));
      crowd.bare.push(await rateOf(bare));
      say(`turn ${turn + 1}: ${crowd.upload.at(-1)!.toFixed(1)} uploads/s, ${crowd.bare.at(-1)!.toFixed(1)} bare/s`);
    }
    await removeTables(input);
    return figuresOf(single, crowd);
  });
}

interface Measured {
  upload: number[];
  bare: number[];
}

function figuresOf(single: Measured, crowd: Measured): Figure[] {
  const [upload, bare] = [median(single.upload), median(single.bare)];
  const [uploads, bares] = [median(crowd.upload), median(crowd.bare)];
  return [
    {
      name: `upload of ${ROWS} rows, start → completed, against a bare workflow of one activity, p50 of ${SINGLE}`,
      measured: `${upload.toFixed(0)} ms against ${bare.toFixed(0)} ms: ${(upload / bare).toFixed(2)} ×`,
      asked: '≤ 1.8 ×',
      holds: upload / bare <= 1.8,
    },
    {
      name: `the same from ${CLIENTS} clients: tasks a second against the bare workflow's`,
      measured: `${uploads.toFixed(1)}/s against ${bares.toFixed(1)}/s: ${(uploads / bares).toFixed(2)} ×`,
      asked: '≥ 0.5 ×',
      holds: uploads / bares >= 0.5,
    },
  ];
}

async function timed(task: Task): Promise<number> {
  const began = performance.now();
  await task();
  return performance.now() - began;
}

/** How many a second all clients get done together. */
async function rateOf(task: Task): Promise<number> {
  let left = CROWD;
  const client = async () => {
    while (left-- > 0) await task();
  };
  const took = await timed(async () => {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  });
  return CROWD / (took / 1000);
}

const PREFIX = 'small';

async function uploadSmall({ workspace: { client, temporal } }: BenchInput, file: string): Promise<void> {
  const name = randomUUID().slice(0, 8);
  const key: TaskKey = { kind: 'upload', user_id: `${PREFIX} ${name}`, task_name: `${PREFIX} ${name}` };
  await client.upload(key, file);
  // As for the peer: until the workflow has ended, which is a moment after its task.
  await temporal.workflow.getHandle(`upload/${key.user_id}/${key.task_name}`).result();
}

async function removeTables({ workspace: { db } }: BenchInput): Promise<void> {
  const { rows } = await db.query(
    `SELECT table_name FROM long_task.tasks WHERE starts_with(user_id, $1) AND state = 'completed'`,
    [PREFIX],
  );
  for (const { table_name } of rows) await db.query(`DROP TABLE ${table_name}`);
}

/** Runs `body` with the bare workflow at hand: its client and its worker are in this process. */
async function withBareWorker<T>({ workspace }: BenchInput, body: (bare: Task) => Promise<T>): Promise<T> {
  const taskQueue = `bare-${randomUUID()}`;
  const { temporal, service } = workspace;
  const workflowsPath = fileURLToPath(new URL('./bare-workflow.js', import.meta.url));
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  const connection = await NativeConnection.connect({ address: service.temporal });
  const activities = { nothing: async () => {} };
  const worker = await Worker.create({ connection, taskQueue, workflowBundle: { code }, activities });
  const bare = () => temporal.workflow.execute('bare', { taskQueue, workflowId: randomUUID() });
  return worker.runUntil(() => body(bare)).finally(() => connection.close());
}
