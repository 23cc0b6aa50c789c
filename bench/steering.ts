import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { median } from '../testkit/speed.js';
import { type PauseTimes, pauseByApi, pauseBySignal, resumeToNextRow, terminate } from '../testkit/steering.js';
import { Missed, TaskWatch } from '../testkit/task-watch.js';
import { count, milliseconds, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

/** Repetitions per reported median. */
const REPEATS = 5;

/**
 * Pauses at full speed, by API and by signal in turns; resumes early and late in the file; terminates after few rows
 * and after nearly all. Each load is terminated, so that nothing of it is left.
 */
export async function benchSteering(input: BenchInput & { pauses: number }): Promise<Figure[]> {
  const { api, signal } = await measurePauses(input);
  const early = await repeat(input, 0.1, resumeAt);
  const late = await repeat(input, 0.9, resumeAt);
  const few = await repeat(input, Math.min(0.5, 10_000 / input.rows), terminateAt);
  const many = await repeat(input, 0.95, terminateAt);
  const lateRows = count(Math.floor(input.rows * 0.95));
  return [
    ...percentiles(
      'pause by API: request → answer, no row can commit',
      api.map(({ answered }) => answered),
      100,
    ),
    ...percentiles(
      'pause by API: request → paused',
      api.map(({ paused }) => paused),
      500,
    ),
    ...percentiles(
      'pause by signal: accepted by Temporal → paused',
      signal.map(({ answered, paused }) => paused - answered),
      500,
    ),
    limitFigure('resume at 10 %: request → next committed row, median', median(early), 'ms', 500),
    limitFigure('resume at 90 %: the same', median(late), 'ms', 500),
    limitFigure('terminate after 10,000 rows: request → terminated, median', median(few), 'ms', 1000),
    limitFigure(`terminate after ${lateRows} rows: the same`, median(many), 'ms', 1000),
  ];
}

async function measurePauses(
  input: BenchInput & { pauses: number },
): Promise<{ api: PauseTimes[]; signal: PauseTimes[] }> {
  const api: PauseTimes[] = [];
  const signal: PauseTimes[] = [];
  while (signal.length < input.pauses) {
    await withLoad(input, async (key) => {
      const watch = new TaskWatch(input.workspace.db, key);
      // Not the last rows: a pause must find a load under way.
      for (;;) {
        const { rows } = await watch.until((snapshot) => snapshot.phase === 'loading' && snapshot.rows > 0, 'loading');
        if (rows > input.rows * 0.85 || signal.length >= input.pauses) return;
        if (api.length <= signal.length) api.push(await pauseByApi(input.workspace, key));
        else signal.push(await pauseBySignal(input.workspace, key));
        await resumeToNextRow(input.workspace, key);
        await sleep(20 + Math.random() * 200);
      }
    });
    say(`${api.length} pauses by API, ${signal.length} by signal`);
  }
  return { api, signal };
}

async function repeat(
  input: BenchInput,
  share: number,
  measure: (input: BenchInput, key: TaskKey, share: number) => Promise<number>,
): Promise<number[]> {
  const times: number[] = [];
  while (times.length < REPEATS) {
    await withLoad(input, async (key) => {
      times.push(await measure(input, key, share));
    });
  }
  say(
    `${measure === resumeAt ? 'resume' : 'terminate'} at ${(share * 100).toFixed(1)} %: ${times.map(milliseconds).join(', ')}`,
  );
  return times;
}

async function resumeAt(input: BenchInput, key: TaskKey, share: number): Promise<number> {
  await new TaskWatch(input.workspace.db, key).until((snapshot) => snapshot.rows >= input.rows * share, `at ${share}`);
  await pauseByApi(input.workspace, key);
  return resumeToNextRow(input.workspace, key);
}

async function terminateAt(input: BenchInput, key: TaskKey, share: number): Promise<number> {
  await new TaskWatch(input.workspace.db, key).until((snapshot) => snapshot.rows >= input.rows * share, `at ${share}`);
  return terminate(input.workspace, key);
}

let loads = 0;

// A load that completed before the command does not count: the bench continues until it has enough.
async function withLoad({ workspace, file }: BenchInput, body: (key: TaskKey) => Promise<void>): Promise<void> {
  const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: `steering ${++loads}` };
  await workspace.client.upload(key, file);
  try {
    await body(key);
  } catch (error) {
    if (!(error instanceof Missed)) throw error;
    say(`${error.message}: not counted`);
  }
  const { state } = await new TaskWatch(workspace.db, key).look();
  if (state === 'completed') await workspace.db.query(`DROP TABLE "steering ${loads}"`);
  else if (state !== 'terminated') await terminate(workspace, key);
}

function percentiles(name: string, times: number[], limit: number): Figure[] {
  const sorted = [...times].sort((a, b) => a - b);
  // Nearest rank: of 50 values the 99th percentile is the largest.
  const at = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  const figure = limitFigure(`${name}, p99 of ${times.length}`, at(99), 'ms', limit);
  const p50 = milliseconds(at(50) as number);
  return [{ ...figure, measured: `p50 ${p50}, p99 ${figure.measured}, max ${milliseconds(sorted.at(-1) as number)}` }];
}
