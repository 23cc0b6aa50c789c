import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { pauseByApi, terminate } from '../testkit/steering.js';
import { Missed, TaskWatch } from '../testkit/task-watch.js';
import { say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const SECONDS = 10;
/** Bytes per second; the last is of the order of what the service does without a rate. */
const RATES = [100_000, 2_000_000, 20_000_000];
/** How far the measured rate may be off, in percent. */
const MAX_OFF = 10;

/** The rate of gentle loads, as rows commit over ten seconds of each, and how soon such a load answers a pause. */
export async function benchGentle(input: BenchInput): Promise<Figure[]> {
  const figures: Figure[] = [];
  let slowest = 0;
  for (const rate of RATES) {
    const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: `gentle ${rate}` };
    await input.workspace.client.upload(key, input.file, { max_bytes_per_second: rate });
    const measured = await measureRate(input, key).catch((error: unknown) => {
      if (error instanceof Missed) return undefined;
      throw error;
    });
    if (measured !== undefined) {
      const off = Math.abs(measured / rate - 1) * 100;
      say(`max_bytes_per_second ${rate}: ${Math.round(measured)} per second, ${off.toFixed(1)} % off`);
      figures.push(limitFigure(`max_bytes_per_second ${rate}: off by`, off, '%', MAX_OFF));
      slowest = Math.max(slowest, (await pauseByApi(input.workspace, key)).answered);
    }
    await terminate(input.workspace, key);
  }
  return [...figures, limitFigure('pause of a gentle load: request → answer, the slowest', slowest, 'ms', 100)];
}

/** Committed bytes of the file per second, after the first second. */
async function measureRate({ workspace }: BenchInput, key: TaskKey): Promise<number> {
  const watch = new TaskWatch(workspace.db, key, 20);
  await watch.until((snapshot) => snapshot.rows > 0, 'loading');
  const bytes = async () => {
    const { rows } = await workspace.db.query(
      `SELECT coalesce(sum(bytes_done), 0)::float8 AS bytes FROM long_task.parts p JOIN long_task.tasks t ON t.id = p.task_id
        WHERE kind = 'upload' AND user_id = $1 AND task_name = $2`,
      [key.user_id, key.task_name],
    );
    return { bytes: rows[0].bytes as number, at: performance.now() };
  };
  await sleep(1_000);
  const first = await bytes();
  await sleep(SECONDS * 1_000);
  const last = await bytes();
  if (last.bytes === 0) throw new Missed('the load ended before it was measured');
  return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
}
