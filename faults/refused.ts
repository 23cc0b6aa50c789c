import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fixture, newKey, rowOf, untilMoving } from './fixture.js';
import type { Finding } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

const ROWS = 60_000;
const SECONDS = 6;

/** F15: many rows are rejected while workers are killed. */
export const refusedValues: Scenario = {
  fault: 'F15',
  place: 'a value of every third row is refused, the worker killed meanwhile',
  how: 'a date column of which every third value is in no ISO form; SIGKILL of the worker again and again while it loads',
  run: killAmongRefusals,
};

async function killAmongRefusals(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const lines = Array.from({ length: ROWS }, (_, i) => `${i + 1},${i % 3 === 2 ? '03.02.2024' : '2024-02-03'}\n`);
  const content = `n,d\n${lines.join('')}`;
  const file = path.join(harness.folder, 'refused.csv');
  await writeFile(file, content);
  const key = newKey();
  await harness.client.upload(key, file, {
    columns: { d: 'date' },
    max_rejects: ROWS,
    max_bytes_per_second: Math.round(content.length / SECONDS),
  });
  await untilMoving(fixture, key);
  const times = fixture.isShort ? 2 : 6;
  for (let i = 0; i < times; i++) {
    await sleep(fixture.random() % 1000);
    await harness.killWorkers();
    await harness.startWorker();
  }
  const task = await harness.client.waitFor(key, ['completed']);
  const violations = new Violations();
  violations.expect(task.receipt?.rows_rejected === ROWS / 3, `${task.receipt?.rows_rejected} rows were rejected`);
  violations.expect(task.rows.rejected === ROWS / 3, `the task counts ${task.rows.rejected} rejects`);
  const { rows } = await harness.db.query(
    `SELECT (SELECT count(*) FROM long_task.rejects WHERE task_id = $1 AND row_no % 3 = 0 AND raw = convert_to(row_no || ',03.02.2024', 'UTF8')
                AND column_name = 'd' AND value = '03.02.2024')::int AS rejects,
            (SELECT count(*) FROM ${task.table} WHERE _row % 3 <> 0 AND n = _row AND d = '2024-02-03')::int AS loaded`,
    [(await rowOf(fixture, key)).id],
  );
  violations.expect(rows[0].rejects === ROWS / 3, `${rows[0].rejects} rejects are as they must be`);
  violations.expect(rows[0].loaded === (ROWS / 3) * 2, `${rows[0].loaded} rows are as they must be`);
  await harness.db.query(`DROP TABLE ${task.table}`);
  return { violations: violations.found, note: `${times} kills` };
}
