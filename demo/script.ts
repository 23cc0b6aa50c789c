import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import type { Task } from '../src/contract/task.js';
import { compareCsv } from '../testkit/compare-csv.js';
import { databaseContents, differences, folderContents } from '../testkit/contents.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { peakMemory } from '../testkit/memory.js';
import { pauseByApi, resumeToNextRow, terminate, untilClosed } from '../testkit/steering.js';
import { heldInDatabase, TaskWatch } from '../testkit/task-watch.js';
import { type Checks, count, heading, megabytes, milliseconds, say, showProgress } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';

/** What the demonstration works with and collects on its way. */
export interface Script {
  workspace: Workspace;
  checks: Checks;
  file: string;
  rows: number;
  bytes: number;
  figures: Figure[];
  /** Of any worker so far, in MiB. */
  peakMemory: number;
}

const SALES: TaskKey = { kind: 'upload', user_id: 'ana', task_name: 'sales' };
const COPY: TaskKey = { kind: 'download', user_id: 'ana', task_name: 'sales' };
const SECOND: TaskKey = { kind: 'upload', user_id: 'ana', task_name: 'second' };

/** So that one can watch, and something can happen in between: the file is loaded in about this time. */
const LOADING_SECONDS = 8;

/** Loads the file, paused, resumed and with the worker killed in between. */
export async function showLoad(script: Script): Promise<void> {
  const { workspace, file, bytes } = script;
  const rate = Math.round(bytes / LOADING_SECONDS);
  heading(`Loading it, held to ${megabytes(rate)}/s so that there is something to see`);
  await workspace.client.upload(SALES, file, { max_bytes_per_second: rate });
  await showUntil(script, SALES, 30);
  await showPause(script);
  await showUntil(script, SALES, 60);
  await showKill(script);
  const task = await showUntilCompleted(script, SALES);
  await checkLoaded(script, task);
}

async function showPause(script: Script): Promise<void> {
  const { workspace, checks, figures } = script;
  heading('Pause');
  const times = await pauseByApi(workspace, SALES);
  say(`answered after ${milliseconds(times.answered)}, paused after ${milliseconds(times.paused)}`);
  const watch = new TaskWatch(workspace.db, SALES);
  const first = await watch.look();
  const held = await heldInDatabase(workspace.db, first.lockKey);
  await sleep(1000);
  const second = await watch.look();
  checks.check(
    'two looks a second apart show the same row count',
    first.rows === second.rows,
    `${count(second.rows)} rows`,
  );
  checks.check('it holds no session of PostgreSQL', held.sessions === 0, `${held.sessions} in pg_stat_activity`);
  checks.check('and no lock', held.locks === 0, `${held.locks} in pg_locks`);
  heading('Resume');
  const resumed = await resumeToNextRow(workspace, SALES);
  say(`the next row was committed after ${milliseconds(resumed)}`);
  figures.push(
    limitFigure('pause: request → answer, no row can commit', times.answered, 'ms', 100),
    limitFigure('pause: request → paused', times.paused, 'ms', 500),
    limitFigure('resume: request → next committed row', resumed, 'ms', 500),
  );
}

async function showKill(script: Script): Promise<void> {
  const { workspace, checks, figures } = script;
  heading('kill -9 of the worker');
  const pid = workspace.service.services().worker_pid;
  const { rows } = await new TaskWatch(workspace.db, SALES).look();
  noteMemory(script);
  process.kill(pid, 'SIGKILL');
  say(`worker ${pid} killed at ${count(rows)} rows; another worker takes over after 8 s without a heartbeat`);
  const began = performance.now();
  await new TaskWatch(workspace.db, SALES).until(
    (snapshot) => snapshot.rows > rows + script.rows * 0.02,
    'loading again',
  );
  const seconds = (performance.now() - began) / 1000;
  const next = workspace.service.services().worker_pid;
  checks.check(
    'another worker continues by itself',
    next !== pid,
    `worker ${next}, rows come again after ${seconds.toFixed(1)} s`,
  );
  figures.push(limitFigure('kill -9 of the worker → rows come again', seconds, 's', 15));
}

async function checkLoaded({ workspace, checks, rows, bytes }: Script, task: Task): Promise<void> {
  const { receipt, table } = task;
  const balances = receipt?.rows_in_file === rows && receipt.rows_loaded === rows && receipt.rows_rejected === 0;
  checks.check(
    'the receipt balances',
    balances && receipt.bytes === bytes,
    `${count(receipt?.rows_loaded ?? 0)} loaded, 0 rejected`,
  );
  const { rows: found } = await workspace.db.query(
    `SELECT count(*)::float8 AS count, count(DISTINCT _row)::float8 AS distinct, min(_row)::float8 AS first, max(_row)::float8 AS last FROM ${table}`,
  );
  const { count: all, distinct, first, last } = found[0];
  const isExact = all === rows && distinct === rows && first === 1 && last === rows;
  checks.check(
    'every row of the file is in the table once',
    isExact,
    `${count(distinct)} of ${count(rows)} in ${table}`,
  );
}

/** Exports the table and compares with the file that went in. */
export async function showRoundTrip(script: Script): Promise<void> {
  const { workspace, checks, file, rows } = script;
  heading('Download');
  const exported = path.join(workspace.folder, 'downloaded.csv');
  await workspace.client.download(COPY);
  const task = await showUntilCompleted(script, COPY);
  await workspace.client.saveResult(task, exported);
  say(`${megabytes((await stat(exported)).size)} fetched by the link`);
  const result = await compareCsv(file, exported);
  const seen = result.equal
    ? `${count(result.cells)} values in ${count(result.rows)} rows`
    : JSON.stringify(result.firstDifference);
  checks.check('the downloaded file equals the uploaded one, cell by cell', result.equal && result.rows === rows, seen);
  await rm(exported);
}

/** Terminates a second upload in the middle: nothing of it is left. */
export async function showTermination(script: Script): Promise<void> {
  const { workspace, checks, figures, file, bytes } = script;
  const { client, db, service } = workspace;
  heading('A second upload, terminated in the middle');
  for (const key of [SALES, COPY]) await untilClosed(workspace, key);
  const before = { database: await databaseContents(db), files: await folderContents(service.filesDir) };
  await client.upload(SECOND, file, { max_bytes_per_second: Math.round(bytes / LOADING_SECONDS) });
  await showUntil(script, SECOND, 50);
  const { rows } = await new TaskWatch(db, SECOND).look();
  const elapsed = await terminate(workspace, SECOND);
  say(`terminated with ${count(rows)} rows loaded, after ${milliseconds(elapsed)}`);
  figures.push(limitFigure('terminate: request → terminated, nothing left', elapsed, 'ms', 1000));
  const { id, lockKey } = await new TaskWatch(db, SECOND).look();
  checks.checkSame(
    'every relation of the database is as before, and so are their rows',
    differences(before.database, await databaseContents(db, id)),
  );
  checks.checkSame('the file store is as before', differences(before.files, await folderContents(service.filesDir)));
  const held = await heldInDatabase(db, lockKey);
  checks.check('no session and no lock is left', held.sessions + held.locks === 0);
  checks.check('its workflow has ended as Canceled', (await untilClosed(workspace, SECOND)) === 'CANCELLED');
}

/** Remembers the worker's peak memory, which is lost when it is killed. */
export function noteMemory(script: Script): void {
  script.peakMemory = Math.max(script.peakMemory, peakMemory(script.workspace.service.services().worker_pid) ?? 0);
}

async function showUntil({ workspace, rows }: Script, key: TaskKey, percentOfRows: number): Promise<void> {
  const progress = showProgress(`${key.task_name}, to ${percentOfRows} % of rows`);
  let reached = false;
  const seen = new TaskWatch(workspace.db, key)
    .until((snapshot) => snapshot.rows >= (rows * percentOfRows) / 100, 'so far')
    .finally(() => {
      reached = true;
    });
  while (!reached) {
    const task = await workspace.client.progress(key);
    progress.update(task.progress, describe(task));
    await Promise.race([seen, sleep(200)]);
  }
  progress.end();
  await seen;
}

async function showUntilCompleted({ workspace }: Script, key: TaskKey): Promise<Task> {
  const progress = showProgress(`${key.kind} ${key.task_name}`);
  const task = await workspace.client.waitFor(key, ['completed'], (now) =>
    progress.update(now.progress, describe(now)),
  );
  progress.end();
  return task;
}

function describe({ state, phase, rows, bytes_per_second }: Task): string {
  const speed = bytes_per_second ? `, ${megabytes(bytes_per_second)}/s` : '';
  return `${phase ?? state}, ${count(rows.done)} rows${speed}`;
}
