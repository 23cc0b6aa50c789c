import { sendSignal } from '../launcher/pids.js';
import { beginLoad, type Fixture, rowOf, untilFurther, untilMoving, watch } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { endsWithin, type Scenario, secondsSince, Violations, worst } from './scenario.js';

/** How long a worker may take to end. */
const LONGEST_EXIT = 10;
/** From the start of its successor to the next batch of its tasks. */
const LONGEST_RECOVERY = 3;

export const gracefulStop: Scenario = {
  fault: 'F17',
  place: 'SIGTERM of the worker under load',
  how: 'SIGTERM, a second one 100 ms later; another worker is started as soon as it has ended',
  run: stopInOrder,
};

async function stopInOrder(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const keys = [await beginLoad(fixture, 4), await beginLoad(fixture, 4)];
  await Promise.all(keys.map((key) => untilMoving(fixture, key)));
  const worker = harness.workers[0]!;
  const began = performance.now();
  sendSignal(worker.pid, 'SIGTERM');
  setTimeout(() => sendSignal(worker.pid, 'SIGTERM'), 100);
  violations.expect(await endsWithin(worker, LONGEST_EXIT * 1000), `it did not end within ${LONGEST_EXIT} s`);
  const exit = secondsSince(began);
  violations.expect((await worker.exited) === 'exit code 0', `it ended with ${await worker.exited}`);
  const snapshots = await Promise.all(keys.map((key) => watch(fixture, key).look()));
  await harness.startWorker();
  const started = performance.now();
  const recovery = worst(await Promise.all(keys.map((key, i) => untilFurther(fixture, key, snapshots[i]!, started))));
  violations.expect(
    (recovery ?? 0) <= LONGEST_RECOVERY,
    `continued only ${recovery?.toFixed(1)} s after the next worker was there`,
  );
  const { violations: found, redone } = await judgeAll(fixture, keys, ['completed']);
  violations.add(found);
  return { violations: violations.found, recovery, redone, note: `ended within ${exit.toFixed(1)} s` };
}

export const rollbackFaults: Scenario[] = [
  {
    fault: 'F18',
    place: 'rollback killed three times',
    how: 'terminate; SIGKILL of the worker at rollback:before-drop, of the next at rollback:after-drop, of the next at rollback:after-commit',
    run: killRollback,
  },
  {
    fault: 'F18',
    place: 'staging table locked by another session',
    how: 'a session holds a lock on the table until the task says rollback_failed, then lets go',
    run: lockStaging,
  },
];

async function killRollback(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = await beginLoad(fixture, 10);
  await untilMoving(fixture, key);
  let began = performance.now();
  for (const failpoint of ['rollback:before-drop', 'rollback:after-drop', 'rollback:after-commit']) {
    await harness.killWorkers();
    began = performance.now();
    const worker = await harness.startWorker({ FAILPOINT: `${failpoint}:1:kill` });
    // The first worker meets a task that is still loading.
    if (failpoint === 'rollback:before-drop') await harness.client.command('terminate', key);
    violations.expect(await endsWithin(worker, 30_000), `void: the worker did not come to ${failpoint}`);
  }
  await harness.startWorker();
  violations.add((await judge(fixture, key, ['terminated'])).violations);
  return { violations: violations.found, recovery: secondsSince(began), note: 'from the last kill but one to the end' };
}

async function lockStaging(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = await beginLoad(fixture, 10);
  await untilMoving(fixture, key);
  const table = `long_task_staging.task_${(await rowOf(fixture, key)).lock_key}`;
  const other = await harness.db.connect();
  try {
    await other.query('BEGIN');
    await other.query(`LOCK TABLE ${table} IN ACCESS SHARE MODE`);
    await harness.client.command('terminate', key);
    await watch(fixture, key).untilState('rollback_failed');
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
  const began = performance.now();
  violations.add((await judge(fixture, key, ['terminated'])).violations);
  return { violations: violations.found, recovery: secondsSince(began) };
}
