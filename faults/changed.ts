import { appendFile, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskKey } from '../src/client/client.js';
import { beginLoad, type Fixture, rowOf, untilMoving, watch } from './fixture.js';
import { type Finding, judge } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

/** Changes to a source file, each of which must end in `source_changed`. */
const SOURCE_CHANGES: Record<string, (file: string) => Promise<void>> = {
  'a byte behind the checkpoint': (file) => flip(file, 0.9),
  'a byte before the checkpoint': (file) => flip(file, 0.01),
  truncated: (file) => truncate(file, 500_000),
  appended: (file) => appendFile(file, 'one more row\n'),
  replaced: async (file) => {
    await writeFile(`${file}.new`, (await readFile(file)).reverse());
    await rename(`${file}.new`, file);
  },
  deleted: (file) => rm(file),
};

async function flip(file: string, place: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  const byte = Buffer.alloc(1);
  const at = Math.floor(size * place);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

/**
 * What is done to a staging table, and what it may be called afterwards. `foreign`: a table of the same name is put in
 * its place.
 */
const TARGET_CHANGES: Record<string, { sql: (table: string) => string; codes: string[]; isForeign?: boolean }> = {
  dropped: { sql: (table) => `DROP TABLE ${table}`, codes: ['target_changed'] },
  'replaced by a table of the same name': {
    sql: (table) => `DROP TABLE ${table}; CREATE TABLE ${table} AS SELECT 7 AS not_ours`,
    codes: ['target_changed'],
    isForeign: true,
  },
  'column added': { sql: (table) => `ALTER TABLE ${table} ADD COLUMN more text`, codes: ['target_changed'] },
  'column renamed': { sql: (table) => `ALTER TABLE ${table} RENAME COLUMN _row TO other`, codes: ['target_changed'] },
  'table renamed': { sql: (table) => `ALTER TABLE ${table} RENAME TO was_taken`, codes: ['target_changed'] },
  truncated: { sql: (table) => `TRUNCATE ${table}`, codes: ['receipt_mismatch', 'target_changed'] },
};

export const sourceChanges: Scenario = {
  fault: 'F12',
  place: `source file while paused: ${Object.keys(SOURCE_CHANGES).join(', ')}`,
  how: 'the stored file is changed between pause and resume, a task for each way',
  run: changeSources,
};

export const targetChanges: Scenario[] = (['paused', 'running'] as const).map((when) => ({
  fault: 'F13',
  place: `staging table while ${when}: ${Object.keys(TARGET_CHANGES).join(', ')}`,
  how: 'another session alters the table, a task for each way',
  run: (fixture) => changeTargets(fixture, when),
}));

async function changeSources(fixture: Fixture): Promise<Finding> {
  const violations = new Violations();
  const rounds = Object.entries(SOURCE_CHANGES).map(async ([name, change]) => {
    const key = await beginLoad(fixture);
    const rows = await pause(fixture, key);
    await change(path.join(fixture.harness.filesDir, (await rowOf(fixture, key)).source!.key));
    await fixture.harness.client.command('resume', key);
    const most = await mostRows(fixture, key);
    violations.expect(most <= rows, `${name}: ${most - rows} rows were written from it`);
    violations.add(await failedWith(fixture, key, name, ['source_changed']));
  });
  await Promise.all(rounds);
  return { violations: violations.found };
}

async function pause(fixture: Fixture, key: TaskKey): Promise<number> {
  await untilMoving(fixture, key);
  await fixture.harness.client.command('pause', key);
  return (await watch(fixture, key).untilState('paused')).rows;
}

/** The most rows that are seen until the task rolls back. */
async function mostRows(fixture: Fixture, key: TaskKey): Promise<number> {
  let most = 0;
  await watch(fixture, key).until(({ rows, state }) => {
    most = Math.max(most, rows);
    return ['terminating', 'failed'].includes(state);
  }, 'rolled back');
  return most;
}

async function failedWith(fixture: Fixture, key: TaskKey, name: string, codes: string[]): Promise<string[]> {
  const { violations } = await judge(fixture, key, ['failed']);
  const code = (await rowOf(fixture, key)).error?.code ?? 'nothing';
  return codes.includes(code) ? violations : [...violations, `${name}: failed with ${code}`];
}

async function changeTargets(fixture: Fixture, when: 'paused' | 'running'): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const rounds = Object.entries(TARGET_CHANGES).map(async ([name, { sql, codes, isForeign }]) => {
    const key = await beginLoad(fixture);
    if (when === 'paused') await pause(fixture, key);
    else await untilMoving(fixture, key);
    const table = `long_task_staging.task_${(await rowOf(fixture, key)).lock_key}`;
    await harness.db.query(sql(table));
    if (when === 'paused') await harness.client.command('resume', key);
    violations.add(await failedWith(fixture, key, name, codes));
    if (!isForeign) return;
    const { rows } = await harness.db.query(`SELECT * FROM ${table}`).catch(() => ({ rows: [] }));
    violations.expect(rows[0]?.not_ours === 7, 'a table that is not ours was touched');
    await harness.db.query(`DROP TABLE IF EXISTS ${table}`);
  });
  await Promise.all(rounds);
  return { violations: violations.found };
}
