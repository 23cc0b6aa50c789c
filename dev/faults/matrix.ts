import { sourceChanges, targetChanges } from './changed.js';
import { races, storm } from './commands.js';
import { databaseFaults, unknownCommits } from './database.js';
import { diskFaults, duplicateStart, uploadFaults } from './files.js';
import { ALL_KILLS, killRelay, kills, randomKills } from './kill.js';
import { type Lab, rowOf } from './lab.js';
import { type Finding, leftovers } from './oracle.js';
import { type Scenario, secondsSince } from './scenario.js';
import { gracefulStop, rollbackFaults } from './stop.js';
import { nativeEnds, temporalFaults } from './temporal.js';
import { zombies } from './zombie.js';

const OTHERS: Scenario[] = [
  ...zombies,
  ...databaseFaults,
  ...unknownCommits,
  ...temporalFaults,
  ...uploadFaults,
  ...diskFaults,
  nativeEnds,
  storm,
  duplicateStart,
  sourceChanges,
  ...targetChanges,
  gracefulStop,
  ...rollbackFaults,
  ...races,
];

/** Every fault once; in the short form the kills at failpoints are made in one go. */
export function matrix(isShort: boolean): Scenario[] {
  return [...(isShort ? [killRelay(ALL_KILLS)] : kills), randomKills, ...OTHERS];
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

/** Runs a scenario so many times and after each time sees to it that nothing is left and everything runs again. */
export async function runScenario(lab: Lab, scenario: Scenario, rounds: number): Promise<Result> {
  const began = performance.now();
  const findings: Finding[] = [];
  for (let round = 0; round < rounds; round++) findings.push(await runRound(lab, scenario));
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

async function runRound(lab: Lab, scenario: Scenario): Promise<Finding> {
  const finding = await scenario.run(lab).catch((error: Error) => ({ violations: [error.message] }));
  finding.violations.push(...(await leftovers(lab).catch((error: Error) => [error.message])));
  await lab.rig.restore();
  if (finding.violations.length > 0) await clearUp(lab);
  return finding;
}

/** After a violation: what it left must not be taken for another one's. */
async function clearUp(lab: Lab): Promise<void> {
  const { rig } = lab;
  const { rows } = await rig.db.query(
    `SELECT kind, user_id, task_name FROM long_task.tasks WHERE state NOT IN ('completed', 'terminated', 'failed')`,
  );
  for (const key of rows) await rig.client.command('terminate', key).catch(() => {});
  const ended = async () => (await Promise.all(rows.map((key) => rowOf(lab, key)))).every((row) => row.finished_at);
  await rig.until(ended, 60_000).catch(() => {});
  await rig.db.query(
    `DELETE FROM long_task.parts p USING long_task.tasks t WHERE t.id = p.task_id AND finished_at IS NOT NULL`,
  );
}
