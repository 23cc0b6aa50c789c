import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findOnPath } from '../launcher/programs.js';
import { ApiError } from '../src/client/api-error.js';
import type { TaskKey } from '../src/client/client.js';
import { beginLoad, type Fixture, newKey, rowOf, untilFurther, untilMoving, watch } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { resourcesOf } from './resources.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** The maximum delay of a pause by the lock of another session, in seconds. */
const LONGEST_PAUSE = 5;

/** F15: the table itself makes trouble. */
export const poison: Scenario[] = [
  {
    fault: 'F15',
    place: 'staging table locked by another session, pause meanwhile',
    how: 'ACCESS EXCLUSIVE on the staging table for 8 s while rows move; a pause comes in the middle, then a resume',
    run: lockWhileLoading,
  },
  {
    fault: 'F15',
    place: 'a row that a constraint, one that a trigger refuses',
    how: 'another session adds a CHECK and a trigger to the staging table; max_rejects 2 leaves the two rows out, 0 pauses the task at the first',
    run: refuseRows,
  },
];

async function lockWhileLoading(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = await beginLoad(fixture, 6);
  await untilMoving(fixture, key);
  const other = await harness.db.connect();
  const snapshot = await watch(fixture, key).look();
  try {
    await other.query('BEGIN');
    await other.query(`LOCK TABLE ${await stagingOf(fixture, key)} IN ACCESS EXCLUSIVE MODE`);
    await sleep(4_000);
    const began = performance.now();
    await harness.client.command('pause', key);
    const seconds = secondsSince(began);
    violations.expect(seconds <= LONGEST_PAUSE, `the pause was answered after ${seconds.toFixed(1)} s`);
    await watch(fixture, key).untilState('paused');
    await harness.client.command('resume', key);
    await sleep(2_000);
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
  const recovery = await untilFurther(fixture, key, { ...snapshot, state: 'running' }, performance.now());
  const verdict = await judge(fixture, key, ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, recovery, redone: verdict.redone };
}

async function stagingOf(fixture: Fixture, key: TaskKey): Promise<string> {
  return `long_task_staging.task_${(await rowOf(fixture, key)).lock_key}`;
}

async function refuseRows(fixture: Fixture): Promise<Finding> {
  const { harness, small } = fixture;
  const violations = new Violations();
  const lenient = await beginLoad(fixture, 4, small, { max_rejects: 2 });
  const strict = await beginLoad(fixture, 4);
  for (const key of [lenient, strict]) {
    await untilMoving(fixture, key);
    await addRefusals(fixture, await stagingOf(fixture, key), small.rows);
  }
  const task = await harness.client.waitFor(lenient, ['completed']);
  violations.expect(task.receipt?.rows_rejected === 2, `${task.receipt?.rows_rejected} rows were rejected, not 2`);
  const { rows } = await harness.db.query(`SELECT row_no FROM long_task.rejects WHERE task_id = $1 ORDER BY row_no`, [
    (await rowOf(fixture, lenient)).id,
  ]);
  const found = rows.map(({ row_no }) => Number(row_no)).join();
  violations.expect(found === `${small.rows - 1},${small.rows}`, `rejected were rows ${found}`);
  await harness.db.query(`DROP TABLE ${task.table}`);
  const paused = await harness.client.waitFor(strict, ['paused']);
  violations.expect(paused.error?.code === 'reject_limit', `paused with ${paused.error?.code}`);
  violations.expect(paused.error?.row === small.rows - 1, `the error names row ${paused.error?.row}`);
  await harness.client.command('terminate', strict);
  violations.add((await judge(fixture, strict, ['terminated'])).violations);
  await harness.db.query('DROP FUNCTION IF EXISTS public.refuse() CASCADE');
  return { violations: violations.found };
}

/** The last row but one breaks a constraint, the last one meets a trigger that raises. */
async function addRefusals({ harness }: Fixture, table: string, rows: number): Promise<void> {
  await harness.db.query(`CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW._row = ${rows} THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$`);
  await harness.db.query(`ALTER TABLE ${table} ADD CONSTRAINT no_such_row CHECK (_row <> ${rows - 1}) NOT VALID`);
  await harness.db.query(
    `CREATE TRIGGER refuse BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION public.refuse()`,
  );
}

/** F16: not enough of anything. */
export const exhaustion: Scenario[] = [
  {
    fault: 'F16',
    place: 'a line of 40 MB, 100,000 columns, a cell of 30 MB',
    how: 'three files; the first two get a clear error before a row is written, the third loads; another task continues next to them',
    run: loadMonsters,
  },
  {
    fault: 'F16',
    place: 'no connection left in PostgreSQL',
    how: 'other sessions take all free connections for 8 s while a task loads and another one starts',
    run: takeConnections,
  },
  {
    fault: 'F16',
    place: 'a worker with hardly a descriptor left',
    how: 'prlimit allows the worker 9 descriptors more than it has at rest; six tasks at once; a worker that ends is started again',
    run: fewDescriptors,
  },
];

async function loadMonsters(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const beside = await beginLoad(fixture, 4);
  const monsters: [name: string, content: string, code: string | null][] = [
    ['line', `a,b\n${'x'.repeat(40 << 20)},1\n`, 'record_too_large'],
    ['columns', `${Array.from({ length: 100_000 }, (_, i) => `c${i}`).join()}\n`, 'too_many_columns'],
    ['cell', `a,b\n"${'long, '.repeat(5 << 20)}",1\n`, null],
  ];
  for (const [name, content, code] of monsters) {
    const file = path.join(harness.folder, `${name}.csv`);
    await writeFile(file, content);
    const key = newKey();
    const refused = await harness.client.upload(key, file).then(
      () => null,
      (error: unknown) => (error instanceof ApiError ? error.problem.code : String(error)),
    );
    if (refused !== null) {
      violations.expect(refused === code, `${name}: refused with ${refused}`);
      continue;
    }
    await harness.until(async () => (await rowOf(fixture, key)).finished_at !== null, 60_000);
    const { state, error, table_name } = await rowOf(fixture, key);
    violations.expect((error?.code ?? null) === code, `${name}: ${state} with ${error?.code}`);
    if (table_name) await harness.db.query(`DROP TABLE ${table_name}`);
  }
  const verdict = await judge(fixture, beside, ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, redone: verdict.redone };
}

async function takeConnections(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = await beginLoad(fixture, 6);
  const snapshot = await untilMoving(fixture, key);
  const taken: pg.Client[] = [];
  for (;;) {
    const client = new pg.Client({ connectionString: harness.postgres.url });
    client.on('error', () => {});
    try {
      await client.connect();
      taken.push(client);
    } catch {
      break;
    }
  }
  harness.toPostgres.cut(); // What the worker had is free now, and taken at once.
  const last = new pg.Client({ connectionString: harness.postgres.url });
  last.on('error', () => {});
  await last.connect().then(
    () => taken.push(last),
    () => {},
  );
  await sleep(8_000);
  await Promise.all(taken.map((client) => client.end()));
  const recovery = await untilFurther(fixture, key, snapshot, performance.now());
  violations.expect(taken.length > 50, `void: only ${taken.length} connections were opened`);
  const other = await beginLoad(fixture, 1);
  const verdict = await judgeAll(fixture, [key, other], ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, recovery, redone: verdict.redone };
}

async function fewDescriptors(fixture: Fixture): Promise<Finding> {
  const prlimit = findOnPath('prlimit');
  if (!prlimit) return { violations: [], skipped: 'there is no prlimit here (Linux, util-linux)' };
  const { harness } = fixture;
  const worker = harness.workers[0]!;
  const { descriptors = 0 } = resourcesOf(worker.pid) ?? {};
  execFileSync(prlimit, ['--pid', String(worker.pid), `--nofile=${descriptors + 9}`]);
  const keys: TaskKey[] = [];
  for (let i = 0; i < 6; i++) keys.push(await beginLoad(fixture, 2));
  const judged = judgeAll(fixture, keys, ['completed']);
  // Node.js aborts where it cannot open the event loop of a watchdog (node_watchdog.cc), of which the SDK needs one for
  // each step of a workflow.
  const hasEnded = await Promise.race([judged.then(() => false), worker.exited.then(() => true)]);
  if (hasEnded) await harness.startWorker();
  const { violations, redone } = await judged;
  return { violations, redone };
}
