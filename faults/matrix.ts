import { findTemporalCli } from '../launcher/temporal-cli.js';
import { randomNumbers } from '../testkit/sales-data.js';
import { sourceChanges, targetChanges } from './changed.js';
import { races, storm } from './commands.js';
import { databaseFaults, unknownCommits } from './database.js';
import { deploys } from './deploy.js';
import { diskFaults } from './disk.js';
import { exchangedTables } from './exchanged.js';
import { changingTable, slowClient } from './exports.js';
import { closeOnInterrupt, type FaultHarness } from './fault-harness.js';
import { duplicateStart, uploadFaults } from './files.js';
import { type Fixture, openFixture, rowOf } from './fixture.js';
import { FIRST_KILLS, killRelay, kills, OTHER_WAYS, randomKills } from './kill.js';
import { type Finding, leftovers } from './oracle.js';
import { exhaustion, poison } from './poison.js';
import { refusedValues } from './refused.js';
import { resourceViolations, restingResources } from './resources.js';
import { clockJumps, restoredDatabase } from './restore.js';
import { type Scenario, secondsSince } from './scenario.js';
import { takenSlots } from './slots.js';
import { nativePauses, reconcilers } from './steered.js';
import { gracefulStop, rollbackFaults } from './stop.js';
import { nativeEnds, temporalFaults } from './temporal.js';
import { zombies } from './zombie.js';

/** The long ones come first, so that no harness is at the last of them alone. */
const OTHERS: Scenario[] = [
  ...exchangedTables,
  ...takenSlots,
  deploys,
  clockJumps,
  nativeEnds,
  ...rollbackFaults,
  ...zombies,
  ...databaseFaults,
  ...unknownCommits,
  ...temporalFaults,
  ...uploadFaults,
  ...diskFaults,
  ...nativePauses,
  reconcilers,
  storm,
  duplicateStart,
  sourceChanges,
  ...targetChanges,
  changingTable,
  ...poison,
  refusedValues,
  ...exhaustion,
  gracefulStop,
  ...races,
  restoredDatabase,
  slowClient,
];

/** In place of a fault: what all of them together have left. */
const ALL = 'all';

/** Every fault once; in the short form the kills at failpoints are made in one go. */
export function matrix(isShort: boolean): Scenario[] {
  return [...(isShort ? [killRelay([...FIRST_KILLS, ...OTHER_WAYS])] : kills), randomKills, ...OTHERS];
}

export interface MatrixOptions {
  scenarios: Scenario[];
  /** How often each is run. */
  rounds: number;
  seed: number;
  isShort: boolean;
  /** The number of harnesses in parallel: most of the time is spent waiting for timeouts. */
  lanes: number;
  /** Keeps the folders of the harnesses. */
  keep?: boolean;
  log(line: string): void;
  onResult?(result: Result): void;
}

/**
 * Runs the scenarios, each in the next free harness, and finally checks the resources of the processes of each harness.
 * Fails when a harness cannot be opened.
 */
export async function runMatrix(options: MatrixOptions): Promise<Result[]> {
  const { scenarios, rounds, seed, isShort, lanes, keep = false, log, onResult } = options;
  const queue = [...scenarios];
  const results: Result[] = [];
  const takeResult = (result: Result) => {
    results.push(result);
    onResult?.(result);
  };
  const harnesses: FaultHarness[] = [];
  const ignoreInterrupts = closeOnInterrupt(harnesses, keep);
  // Once: lanes that look for it at the same time would each build it.
  await findTemporalCli({ log });
  const lane = async (_: unknown, number: number) => {
    const fixture = await openFixture({ random: randomNumbers(seed + number), isShort, log });
    harnesses.push(fixture.harness);
    try {
      const before = await restingResources(fixture.harness);
      for (let scenario = queue.shift(); scenario; scenario = queue.shift())
        takeResult(await runScenario(fixture, scenario, rounds));
      takeResult(restingResult(number, await lastingViolations(fixture.harness, before)));
    } finally {
      await fixture.harness.close(keep);
      if (keep) log(`kept: ${fixture.harness.folder}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, scenarios.length) }, lane)).finally(ignoreInterrupts);
  return results.sort(byFault);
}

/** F2 before F10, and last what all faults have left. */
function byFault(a: Result, b: Result): number {
  const [one, other] = [a.scenario.fault, b.scenario.fault];
  return Number(one === ALL) - Number(other === ALL) || one.localeCompare(other, 'en', { numeric: true });
}

/** Connections of clients that say nothing more stay open for a minute: so it looks again before it complains. */
async function lastingViolations(
  harness: FaultHarness,
  before: Awaited<ReturnType<typeof restingResources>>,
): Promise<string[]> {
  for (let looks = 1; ; looks++) {
    const violations = resourceViolations(before, await restingResources(harness));
    if (violations.length === 0 || looks === MOST_LOOKS) return violations;
  }
}

/** Each after twelve quiet seconds. */
const MOST_LOOKS = 7;

/** Not a fault of its own: what all of them together have left in the processes. */
function restingResult(lane: number, violations: string[]): Result {
  const scenario: Scenario = {
    fault: ALL,
    place: `memory and descriptors of API and worker at rest, harness ${lane + 1}`,
    how: 'resident memory and open descriptors before the first fault and after the last one, after twelve quiet seconds each, and again while connections of quiet clients are still open',
    run: async () => ({ violations }),
  };
  const nothing = { recovery: undefined, redone: undefined, note: undefined, skipped: undefined };
  return { scenario, rounds: 1, seconds: 0, violations, ...nothing };
}

/** The rounds of one scenario, added up. */
export interface Result {
  scenario: Scenario;
  rounds: number;
  seconds: number;
  violations: string[];
  recovery: number | undefined;
  redone: number | undefined;
  note: string | undefined;
  skipped: string | undefined;
}

/** Runs a scenario `rounds` times. After each round checks for leftovers and restores the harness. */
export async function runScenario(fixture: Fixture, scenario: Scenario, rounds: number): Promise<Result> {
  const began = performance.now();
  const findings: Finding[] = [];
  for (let round = 1; round <= rounds; round++) {
    const finding = await runRound(fixture, scenario);
    findings.push(finding);
    // Logs each round, so that a run of hours leaves results even when it is interrupted.
    if (rounds > 1)
      fixture.log(
        `${scenario.fault} ${scenario.place}, round ${round} of ${rounds}: ${finding.violations.join('; ') || 'exact'}`,
      );
  }
  const all = <K extends keyof Finding>(name: K) =>
    findings.map((finding) => finding[name]).filter((value) => value !== undefined);
  const [recoveries, redone] = [all('recovery'), all('redone')];
  return {
    scenario,
    rounds,
    seconds: secondsSince(began),
    violations: findings.flatMap(({ violations }) => violations),
    recovery: recoveries.length > 0 ? Math.max(...recoveries) : undefined,
    redone: redone.length > 0 ? Math.max(...redone) : undefined,
    note: all('note').at(-1),
    skipped: all('skipped').at(-1),
  };
}

async function runRound(fixture: Fixture, scenario: Scenario): Promise<Finding> {
  const finding = await scenario.run(fixture).catch((error: Error) => ({ violations: [error.message] }));
  finding.violations.push(...(await leftovers(fixture).catch((error: Error) => [error.message])));
  const isViolated = finding.violations.length > 0;
  if (isViolated) await fixture.harness.killWorkers();
  await fixture.harness.restore();
  if (isViolated) await clearUp(fixture);
  return finding;
}

/** After a violation: its leftovers must not be attributed to another scenario. */
async function clearUp(fixture: Fixture): Promise<void> {
  const { harness } = fixture;
  const { rows } = await harness.db.query(
    `SELECT kind, user_id, task_name FROM long_task.tasks WHERE state NOT IN ('completed', 'terminated', 'failed')`,
  );
  for (const key of rows) await harness.client.command('terminate', key).catch(() => {});
  const ended = async () => (await Promise.all(rows.map((key) => rowOf(fixture, key)))).every((row) => row.finished_at);
  await harness.until(ended, 60_000).catch(() => {});
  await harness.db.query(
    `DELETE FROM long_task.parts p USING long_task.tasks t WHERE t.id = p.task_id AND finished_at IS NOT NULL`,
  );
}
