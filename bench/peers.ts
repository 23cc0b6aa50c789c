import path from 'node:path';
import type { TaskKey } from '../src/client/client.js';
import type { Figure } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { median } from '../testkit/speed.js';
import { untilIdle } from '../testkit/steering.js';
import { TaskWatch } from '../testkit/task-watch.js';
import { count, megabytes, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';
import { LOADED, type Loader, loadersFor } from './loaders.js';
import type { Plot } from './plot.js';

const SERVICE = 'Long-Task';
const IDENTITY = 'into an identity primary key';
const LOOK_EVERY_MS = 20;

/** The seconds that each way has taken for a file. */
interface Sized {
  rows: number;
  bytes: number;
  seconds: Map<string, number[]>;
}

/**
 * Uploads files of three sizes in turns with the other ways to load them. Returns a figure for each and a plot of all.
 */
export async function benchPeers(input: BenchInput & { rounds: number }): Promise<{ figures: Figure[]; plot: Plot }> {
  const measured: Sized[] = [];
  for (const rows of [input.rows / 100, input.rows / 10, input.rows].map(Math.round)) {
    measured.push(await measureSize(input, rows));
  }
  return { figures: measured.flatMap(figuresOf), plot: plotOf(measured) };
}

async function measureSize(input: BenchInput & { rounds: number }, rows: number): Promise<Sized> {
  const file = path.join(input.workspace.folder, 'peers.csv');
  const { bytes } = await writeSalesFile(file, { rows });
  const loaders = loadersFor(input).filter(({ maxRows = rows }) => rows <= maxRows);
  const seconds = new Map<string, number[]>();
  for (let round = 0; round <= input.rounds; round++) {
    const key: TaskKey = { kind: 'upload', user_id: 'peers', task_name: `${rows} rows: round ${round}` };
    const times = new Map([[SERVICE, await timed(input, () => upload(input, key, file))]]);
    const { table, columns, types } = await describe(input, key);
    for (const loader of loaders) times.set(loader.name, await timedLoad(input, loader, file, columns, types));
    await input.workspace.db.query(`DROP TABLE ${table}`);
    // The first is to warm up.
    if (round > 0) for (const [name, time] of times) seconds.set(name, [...(seconds.get(name) ?? []), time]);
  }
  for (const [name, times] of seconds) say(`${count(rows)} rows, ${name}: ${spread(times)}`);
  return { rows, bytes, seconds };
}

async function timed({ workspace }: BenchInput, work: () => Promise<void>): Promise<number> {
  await untilIdle(workspace);
  await workspace.db.query('CHECKPOINT');
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function upload({ workspace: { client, db } }: BenchInput, key: TaskKey, file: string): Promise<void> {
  await client.upload(key, file);
  await new TaskWatch(db, key, LOOK_EVERY_MS).untilState('completed');
}

/** The table of an upload, and its columns without the row number. */
async function describe({ workspace: { db } }: BenchInput, { user_id, task_name }: TaskKey) {
  const { rows } = await db.query<{ table: string; columns: string[]; types: string[] }>(
    `SELECT table_name AS table, array_agg(quote_ident(attname) ORDER BY attnum) AS columns,
            array_agg(format_type(atttypid, atttypmod) ORDER BY attnum) AS types
       FROM long_task.tasks JOIN pg_attribute ON attrelid = table_oid AND attnum > 0 AND attname <> '_row'
      WHERE kind = 'upload' AND user_id = $1 AND task_name = $2 GROUP BY table_name`,
    [user_id, task_name],
  );
  return rows[0]!;
}

async function timedLoad(input: BenchInput, loader: Loader, file: string, columns: string[], types: string[]) {
  const { db } = input.workspace;
  const definitions = [loader.firstColumn, ...columns.map((column, i) => `${column} ${types[i]}`)].filter(Boolean);
  await db.query(`CREATE TABLE ${LOADED} (${definitions.join(', ')})`);
  try {
    return await timed(input, () => loader.load(LOADED, file, columns));
  } finally {
    await db.query(`DROP TABLE ${LOADED}`);
  }
}

function figuresOf({ rows, seconds }: Sized): Figure[] {
  const service = seconds.get(SERVICE)!;
  return [...seconds].map(([name, times]) => {
    const ratio = median(times) / median(service);
    const measured =
      name === SERVICE ? spread(times) : `${spread(times)}: ${SERVICE} has ${ratio.toFixed(2)} × its speed`;
    const asked = name.endsWith(IDENTITY) ? { asked: '≥ 1.5 ×', holds: ratio >= 1.5 } : {};
    return { name: `${count(rows)} rows, ${name}`, measured, ...asked };
  });
}

function spread(times: number[]): string {
  return `${median(times).toFixed(2)} s (${Math.min(...times).toFixed(2)}–${Math.max(...times).toFixed(2)})`;
}

function plotOf(measured: Sized[]): Plot {
  const names = new Set(measured.flatMap(({ seconds }) => [...seconds.keys()]));
  return {
    title: 'Speed of a load by the size of its file',
    x: { label: `rows (the largest file has ${megabytes(measured.at(-1)!.bytes)})`, isLogarithmic: true },
    y: { label: 'MB/s', isLogarithmic: true },
    series: [...names].map((name) => ({
      name,
      points: measured.flatMap(({ rows, bytes, seconds }) => {
        const times = seconds.get(name);
        return times ? [{ x: rows, y: bytes / 1e6 / median(times) }] : [];
      }),
    })),
  };
}
