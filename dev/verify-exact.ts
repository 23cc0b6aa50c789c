/**
 * `npm run verify:exact [-- --rounds 30 --rows 200000 --seed N]`: loads one file again and again, each time with pauses,
 * resumes and `kill -9` of the worker at random moments while rows move, and finds out what came of it: the same rows as an
 * undisturbed load, each once, and nothing left behind. A round in which no fault hit is not counted and done again. The
 * seed, printed first, repeats the choices, though not the machine's own timing. Exit status 1 on any violation.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { TaskKey } from './client.js';
import { untilClosed } from './demo/steering.js';
import { withWorkspace, type Workspace } from './demo/workspace.js';
import { randomNumbers, writeSalesFile } from './sales-data.js';
import { disturb, planFaults } from './verify/faults.js';
import { type Expected, findViolations, readReference } from './verify/oracle.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    rows: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) },
  },
});
const [rounds, rows, seed] = [Number(values.rounds), Number(values.rows), Number(values.seed)];

/** Undisturbed, the rows of one load move for about this long. */
const LOADING_SECONDS = 3;
const MOST_VOID_ROUNDS = 10;

console.log(`seed ${seed}: ${rounds} rounds of ${rows} rows (--seed ${seed} repeats them)`);
const began = performance.now();
const violated = await withWorkspace({ name: 'verify', keep: false, log: (message) => console.log(`  ${message}`) }, run);
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(violated === 0 ? `all ${rounds} rounds exact (${seconds} s)` : `${violated} of ${rounds} rounds VIOLATED (${seconds} s), seed ${seed}`);
process.exitCode = violated === 0 ? 0 : 1;

async function run(workspace: Workspace): Promise<number> {
  const file = path.join(workspace.folder, 'sales.csv');
  await writeSalesFile(file, { rows });
  const expected: Expected = { file, rows, bytes: (await stat(file)).size, sha256: await sha256Of(file) };
  const reference = await readReference(workspace, expected);
  console.log(`undisturbed load: ${rows} rows, equal to the file cell by cell, sha256 of the table ${reference.sha256.slice(0, 16)}…`);
  const random = randomNumbers(seed);
  let violated = 0;
  let voids = 0;
  for (let round = 1; round <= rounds; ) {
    const key: TaskKey = { kind: 'upload', user_id: 'verify', task_name: `round ${round}.${voids}` };
    const faults = planFaults(random, rows);
    const roundBegan = performance.now();
    await workspace.client.upload(key, file, { max_bytes_per_second: Math.round(expected.bytes / LOADING_SECONDS) });
    const { done, violations: duringPause } = await disturb(workspace, key, faults);
    await workspace.client.waitFor(key, ['completed', 'terminated', 'failed']);
    const workflow = await untilClosed(workspace, key);
    const violations = [...duringPause, ...(await findViolations({ workspace, key, expected, reference, workflow }))];
    const seconds = ((performance.now() - roundBegan) / 1000).toFixed(1);
    const isVoid = done.length === 0;
    console.log(`round ${String(round).padStart(2)}: ${done.join(', ') || 'no fault hit while rows moved, done again'} (${seconds} s): ${violations.join('; ') || EXACT}`);
    if (violations.length > 0) violated++;
    if (isVoid && ++voids > MOST_VOID_ROUNDS) throw new Error(`${voids} rounds in which no fault hit: take more --rows`);
    if (!isVoid || violations.length > 0) round++;
  }
  return violated;
}

const EXACT = '0 missing, 0 double, 0 changed, nothing left';

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
