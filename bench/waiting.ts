import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { pauseByApi, pauseBySignal, terminate } from '../testkit/steering.js';
import { say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const TASKS = 40;
const RATE = { max_bytes_per_second: 1024 };
const REPEATS = 5;

/**
 * Measures steering, and another user's upload of the sample, during gentle loads that would take days: the slowest of
 * a few of each.
 */
export async function benchWaiting({ workspace, file }: BenchInput): Promise<Figure[]> {
  const { client, db } = workspace;
  const keys = Array.from({ length: TASKS }, (_, i): TaskKey => {
    return { kind: 'upload', user_id: 'patient', task_name: `patient ${i}` };
  });
  const upload = async (name: string): Promise<number> => {
    const key: TaskKey = { kind: 'upload', user_id: 'another', task_name: name };
    const began = performance.now();
    await client.uploadSample(key);
    const { table } = await client.waitFor(key, ['completed']);
    const took = performance.now() - began;
    await db.query(`DROP TABLE ${table}`);
    return took;
  };
  const several = async (measure: (i: number) => Promise<number>): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < REPEATS; i++) times.push(await measure(i));
    return Math.max(...times);
  };
  const alone = await several((i) => upload(`alone ${i}`));
  for (const key of keys) await client.upload(key, file, RATE);
  await sleep(5_000);
  const paused = await several(async (i) => (await pauseByApi(workspace, keys[i]!)).paused);
  const signalled = await several(async (i) => (await pauseBySignal(workspace, keys[REPEATS + i]!)).paused);
  const beside = await several((i) => upload(`beside ${i}`));
  const terminated = await several((i) => terminate(workspace, keys[2 * REPEATS + i]!));
  for (const key of keys) await client.command('terminate', key);
  for (const key of keys) await client.waitFor(key, ['terminated']);
  say(`with ${TASKS} loads that wait: an upload in ${beside.toFixed(0)} ms, ${alone.toFixed(0)} ms without them`);
  const name = (what: string) => `${what} with ${TASKS} gentle loads of one user, the slowest of ${REPEATS}`;
  return [
    limitFigure(name('pause by API → paused'), paused, 'ms', 2_000),
    limitFigure(name('pause by signal → paused'), signalled, 'ms', 2_000),
    limitFigure(name('terminate → terminated'), terminated, 'ms', 2_000),
    limitFigure(name("another user's upload of the sample: longer by"), Math.max(0, beside - alone), 'ms', 3_000),
  ];
}
