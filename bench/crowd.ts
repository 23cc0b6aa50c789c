import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import type { Action, State } from '../src/contract/states.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { Missed, TaskWatch } from '../testkit/task-watch.js';
import { count, milliseconds, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const LOADS = 30;
const USERS = 10;
const PAUSES = 100;
const CLIENTS = 5;
/** A load has this share of the rows of the large file, so that none ends before it was paused. */
const SHARE = 1 / 2;
/** Rare enough that looking does not slow the loads down. */
const LOOK_MS = 20;

interface Times {
  answered: number[];
  inEffect: number[];
}

/**
 * Pauses, and finally terminates, during full-speed loads of several users: how soon each is answered and in effect.
 */
export async function benchCrowd(input: BenchInput): Promise<Figure[]> {
  const { workspace, rows } = input;
  const file = path.join(workspace.folder, 'crowd.csv');
  await writeSalesFile(file, { rows: Math.round(rows * SHARE) });
  const keys = Array.from({ length: LOADS }, (_, i): TaskKey => {
    return { kind: 'upload', user_id: `crowd ${i % USERS}`, task_name: `crowd ${i}` };
  });
  for (const key of keys) await workspace.client.upload(key, file);
  const pauses = await pauseInTurn(input, keys);
  say(`${pauses.answered.length} pauses during ${LOADS} loads`);
  const ends: Times = { answered: [], inEffect: [] };
  await Promise.all(
    keys.map(async (key) => {
      await sleep(Math.random() * 5_000);
      await give(input, key, 'terminate', 'terminated', ends);
    }),
  );
  await removeTables(input, keys);
  await rm(file);
  const during = `during ${LOADS} full-speed loads`;
  return [
    percentile(`pause ${during}: request → answer`, pauses.answered, 300),
    percentile(`pause ${during}: request → paused`, pauses.inEffect, 3_000),
    percentile(`terminate ${during}: request → terminated`, ends.inEffect, 3_000),
  ];
}

async function pauseInTurn(input: BenchInput, keys: TaskKey[]): Promise<Times> {
  const times: Times = { answered: [], inEffect: [] };
  const idle = [...keys];
  const client = async () => {
    while (times.inEffect.length < PAUSES && idle.length > 0) {
      const [key] = idle.splice(Math.floor(Math.random() * idle.length), 1);
      if (!(await give(input, key!, 'pause', 'paused', times))) continue;
      await input.workspace.client.command('resume', key!);
      await sleep(Math.random() * 200);
      idle.push(key!);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return times;
}

/** Gives a command and notes its times. False when the load had ended before. */
async function give(
  { workspace }: BenchInput,
  key: TaskKey,
  action: Action,
  state: State,
  { answered, inEffect }: Times,
): Promise<boolean> {
  const began = performance.now();
  try {
    await workspace.client.command(action, key);
    const answer = performance.now() - began;
    await new TaskWatch(workspace.db, key, LOOK_MS).untilState(state);
    answered.push(answer);
    inEffect.push(performance.now() - began);
    return true;
  } catch (error) {
    if (error instanceof Missed || (error as { status?: number }).status === 409) return false;
    throw error;
  }
}

async function removeTables({ workspace }: BenchInput, keys: TaskKey[]): Promise<void> {
  for (const key of keys) {
    const { state, table } = await workspace.client.progress(key);
    if (state === 'completed') await workspace.db.query(`DROP TABLE ${table}`);
  }
}

function percentile(name: string, times: number[], limit: number): Figure {
  const sorted = [...times].sort((a, b) => a - b);
  // Nearest rank.
  const at = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  const figure = limitFigure(`${name}, p99 of ${count(sorted.length)}`, at(99), 'ms', limit);
  return { ...figure, measured: `p50 ${milliseconds(at(50) ?? 0)}, p99 ${figure.measured}` };
}
