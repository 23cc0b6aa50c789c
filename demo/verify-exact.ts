/**
 * `npm run verify:exact [-- --rounds 30 --rows 200000 --seed N]`: loads one file again and again, each time with
 * pauses, resumes and `kill -9` of the worker at random moments while rows move, and finds out what came of it: the
 * same rows as an undisturbed load, each once, and nothing left behind. A round in which no kill hit is not counted and
 * done again. The seed, printed first, repeats the choices, though not the machine's own timing. Exit status 1 on any
 * violation.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { TaskKey } from '../src/client/client.js';
import { isFinal } from '../src/contract/states.js';
import { type Expected, findViolations, type Reference, readReference } from '../testkit/oracle.js';
import { randomNumbers, writeSalesFile } from '../testkit/sales-data.js';
import { untilClosed } from '../testkit/steering.js';
import { TaskWatch } from '../testkit/task-watch.js';
import { type Workspace, withWorkspace } from '../testkit/workspace.js';
import { disturb, type Fault, type Outcome, planFaults } from './faults.js';

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
const MAX_VOID_ROUNDS = 10;
const EXACT = '0 missing, 0 double, 0 changed, nothing left';

console.log(`seed ${seed}: ${rounds} rounds of ${rows} rows (--seed ${seed} repeats them)`);
const began = performance.now();
// Later on the service only says, again and again, that its worker was killed.
let isStarting = true;
const log = (message: string) => isStarting && console.log(`  ${message}`);
const violated = await withWorkspace({ name: 'verify', keep: false, log }, run);
const verdict =
  violated === 0 ? `all ${rounds} rounds exact` : `${violated} of ${rounds} rounds VIOLATED, seed ${seed}`;
console.log(`${verdict} (${secondsSince(began)} s)`);
process.exitCode = violated === 0 ? 0 : 1;

async function run(workspace: Workspace): Promise<number> {
  isStarting = false;
  const file = path.join(workspace.folder, 'sales.csv');
  await writeSalesFile(file, { rows });
  const expected: Expected = { file, rows, bytes: (await stat(file)).size, sha256: await sha256Of(file) };
  const reference = await readReference(workspace, expected);
  console.log(
    `undisturbed load: equal to the file value by value, sha256 of the rows ${reference.sha256.slice(0, 16)}…`,
  );
  const random = randomNumbers(seed);
  let violated = 0;
  let voids = 0;
  for (let round = 1; round <= rounds; ) {
    const roundBegan = performance.now();
    const key: TaskKey = { kind: 'upload', user_id: 'verify', task_name: `round ${round}.${voids}` };
    const { done, violations } = await runRound({
      workspace,
      key,
      expected,
      reference,
      faults: planFaults(random, rows),
    });
    const counts = done.some((fault) => fault.includes('kill'));
    const what = `${done.join(', ') || 'no fault'}${counts ? '' : ' (no kill hit while rows moved: done again)'}`;
    console.log(`round ${round}, ${secondsSince(roundBegan)} s: ${what}: ${violations.join('; ') || EXACT}`);
    if (violations.length > 0) violated++;
    if (counts || violations.length > 0) round++;
    else if (++voids > MAX_VOID_ROUNDS) throw new Error(`${voids} rounds in which no kill hit: take more --rows`);
  }
  return violated;
}

async function runRound({ workspace, key, expected, reference, faults }: Round): Promise<Outcome> {
  const rate = Math.round(expected.bytes / LOADING_SECONDS);
  await workspace.client.upload(key, expected.file, { max_bytes_per_second: rate });
  const { done, violations } = await disturb(workspace, key, faults);
  await new TaskWatch(workspace.db, key, 50).until((snapshot) => isFinal(snapshot.state), 'at its end');
  const workflow = await untilClosed(workspace, key);
  violations.push(...(await findViolations({ workspace, key, expected, reference, workflow })));
  return { done, violations };
}

interface Round {
  workspace: Workspace;
  key: TaskKey;
  expected: Expected;
  reference: Reference;
  faults: Fault[];
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
