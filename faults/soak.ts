import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import type { State } from '../src/contract/states.js';
import type { FaultHarness } from './fault-harness.js';
import { ageFiles } from './files.js';
import { type Fixture, newKey, patiently } from './fixture.js';
import { judge, leftovers } from './oracle.js';
import { type Resources, resourcesOf, resourceViolations, restingResources } from './resources.js';
import { secondsSince } from './scenario.js';

const TASKS = 20;
/** Twenty tasks share what time there is between the faults. */
const TIMEOUT_MS = 10 * 60_000;

export interface SoakResult {
  faults: Record<string, number>;
  tasks: Partial<Record<State, number>>;
  violations: string[];
  /** Of the API and the worker at rest, before and after. */
  resources: string;
}

/** What is done to each part in turn. Each leaves the part running again. */
const FAULTS: [string, (harness: FaultHarness) => Promise<unknown>][] = [
  ['worker killed', (harness) => harness.killWorkers().then(() => harness.startWorker())],
  ['PostgreSQL crashed', (harness) => harness.kill(harness.postgres, 'SIGQUIT').then(() => harness.startPostgres())],
  ['Temporal killed', (harness) => harness.kill(harness.temporalServer).then(() => harness.startTemporal())],
  ['API killed', (harness) => harness.kill(harness.api).then(() => harness.startApi())],
];

/**
 * Runs twenty tasks at any time and a fault every 5 to 10 s, for `seconds`. Then brings everything to its end and
 * judges it.
 */
export async function soak(fixture: Fixture, seconds: number, log: (line: string) => void): Promise<SoakResult> {
  const result: SoakResult = { faults: {}, tasks: {}, violations: [], resources: '' };
  const before = await restingResources(fixture.harness);
  const end = performance.now() + seconds * 1000;
  const drivers = Array.from({ length: TASKS }, async (_, i) => {
    // Spread, as real ones come.
    await sleep(i * 200);
    while (performance.now() < end)
      await driveTask(fixture, result).catch((error: Error) => note(result, error.message, log));
  });
  for (let i = 0; performance.now() < end; i++) {
    await sleep(5_000 + (fixture.random() % 5_000));
    const [name, make] = FAULTS[i % FAULTS.length]!;
    const began = performance.now();
    await make(fixture.harness).catch((error: Error) => note(result, `${name}: ${error.message}`, log));
    result.faults[name] = (result.faults[name] ?? 0) + 1;
    const now = [fixture.harness.api, ...fixture.harness.workers].map(({ pid }) => resourcesOf(pid));
    const back = secondsSince(began).toFixed(1);
    log(`${name}, back after ${back} s; ended so far: ${JSON.stringify(result.tasks)}; ${describe(now)}`);
  }
  await Promise.all(drivers);
  // A killed API leaves what it was receiving; its successor sweeps what is old enough, and it does so when it starts.
  await ageFiles(fixture);
  await fixture.harness.kill(fixture.harness.api);
  await fixture.harness.startApi();
  for (const what of await leftovers(fixture, 20_000)) note(result, what, log);
  const after = await restingResources(fixture.harness);
  for (const what of resourceViolations(before, after)) note(result, what, log);
  result.resources = `API and worker at rest: ${describe(before)} at first, ${describe(after)} at the end`;
  return result;
}

function describe(resources: (Resources | undefined)[]): string {
  return resources
    .map((one) => (one ? `${one.resident} MiB and ${one.descriptors} descriptors` : 'not known'))
    .join(', ');
}

function note(result: SoakResult, violation: string, log: (line: string) => void): void {
  result.violations.push(violation);
  log(`VIOLATED: ${violation}`);
}

/** One task from its start to its end, with what users do to tasks at random. */
async function driveTask(fixture: Fixture, result: SoakResult): Promise<void> {
  const { harness, small } = fixture;
  const key = newKey();
  const seconds = 2 + (fixture.random() % 6);
  await startPatiently(fixture, key, Math.round(small.bytes / seconds));
  await sleep(fixture.random() % (seconds * 1000));
  const whim = fixture.random() % 4;
  if (whim === 0) await patiently(() => harness.client.command('terminate', key).catch(whenFinal));
  if (whim === 1) {
    await patiently(() => harness.client.command('pause', key).catch(whenFinal));
    await sleep(fixture.random() % 3000);
    await patiently(() => harness.client.command('resume', key).catch(whenFinal));
  }
  const expected: State[] = whim === 0 ? ['terminated', 'completed'] : ['completed'];
  // The check may be cut off, too. It reads only until it has seen everything, so it can be repeated.
  const { state, violations } = await patiently(() => judge(fixture, key, expected, small, TIMEOUT_MS), TIMEOUT_MS);
  result.tasks[state] = (result.tasks[state] ?? 0) + 1;
  if (violations.length > 0) throw new Error(violations.join('; '));
}

/** An API that is killed may have accepted the start without answering: the name is then taken by the very task. */
async function startPatiently({ harness, small }: Fixture, key: TaskKey, rate: number): Promise<void> {
  await patiently(async () => {
    await harness.client.upload(key, small.file, { max_bytes_per_second: rate }).catch((error: { status?: number }) => {
      if (error.status !== 409) throw error;
    });
  });
}

/** A command that came too late is not a fault. */
function whenFinal(error: { status?: number }): void {
  if (error.status !== 409) throw error;
}
