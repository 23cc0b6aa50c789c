import { setTimeout as sleep } from 'node:timers/promises';
import { sendSignal } from '../launcher/pids.js';
import type { TaskKey } from '../src/client/client.js';
import type { Failpoint } from '../src/failpoint.js';
import { beginFor, beginLoad, type Fixture, untilFurther, watch } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations, worst } from './scenario.js';

const PLACES = ['load:after-claim:1', 'load:after-copy:3', 'load:before-commit:3'];

/** A place in each step that is more than one transaction, or one that may not be done twice. */
const STEPS: Failpoint[] = [
  'inspect:before-store-part',
  'prepare:before-commit',
  'publish:after-index',
  'publish:before-commit',
  'plan:before-commit',
  'dump:before-record',
  'assemble:before-record',
];

/** The longest that a frozen writer which holds the fence's lock may hold up a pause. */
const LONGEST_PAUSE = 5;

export const zombies: Scenario[] = [
  {
    fault: 'F2',
    place: PLACES.map((place) => place.replace(/:\d$/, '')).join(', '),
    how: 'three workers (short: one) freeze (SIGSTOP) at these places for longer than the heartbeat timeout, another continues their tasks, then SIGCONT',
    run: wakeTheDead,
  },
  {
    fault: 'F2',
    place: `two attempts at once: ${STEPS.join(', ')}`,
    how: 'a worker freezes (SIGSTOP) at each of these places (short: at one) for longer than the heartbeat timeout and wakes in the moment when another has come to the same place',
    run: (fixture) => meetAgain(fixture, fixture.isShort ? [STEPS[fixture.random() % STEPS.length]!] : STEPS),
  },
  {
    fault: 'F2',
    place: 'pause while a writer is frozen inside the fence',
    how: 'SIGSTOP after COPY, with the lock held; pause by the API; SIGCONT as soon as it is answered',
    run: pauseFrozen,
  },
];

/**
 * Each task that a frozen worker has been handed is lost for its timeout, of some ten seconds, and then offered again,
 * perhaps to the same worker.
 */
const UNTIL_OFFERED_MS = 120_000;

async function wakeTheDead(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  await harness.killWorkers();
  const keys: TaskKey[] = [];
  // The server continues to offer work to the frozen ones for a while: one of them is enough for the short form.
  const places = fixture.isShort ? [PLACES[fixture.random() % PLACES.length]!] : PLACES;
  for (const place of places) {
    // Each takes what comes and stands still at its place; the ones before stand already.
    const worker = await harness.startWorker({ FAILPOINT: `${place}:stop` });
    keys.push(await beginLoad(fixture, 4));
    await harness.until(() => harness.saw('"failpoint"', worker.pid), UNTIL_OFFERED_MS);
  }
  const frozen = [...harness.workers];
  const began = performance.now();
  const snapshots = await Promise.all(keys.map((key) => watch(fixture, key).look()));
  await harness.startWorker();
  const recoveries = await Promise.all(keys.map((key, i) => untilFurther(fixture, key, snapshots[i]!, began)));
  for (const { pid } of frozen) sendSignal(pid, 'SIGCONT');
  const { violations: found, redone } = await judgeAll(fixture, keys, ['completed']);
  violations.add(found);
  await sleep(200);
  violations.expect(
    frozen.every((worker) => harness.workers.includes(worker)),
    'a worker that was frozen has ended instead of continuing',
  );
  return { violations: violations.found, recovery: worst(recoveries), redone };
}

async function meetAgain(fixture: Fixture, steps: Failpoint[]): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const recoveries: number[] = [];
  for (const step of steps) {
    await harness.killWorkers();
    const zombie = await harness.startWorker({ FAILPOINT: `${step}:1:stop` });
    const key = await beginFor(fixture, step);
    await harness.until(() => harness.saw('"failpoint"', zombie.pid));
    const began = performance.now();
    const other = await harness.startWorker({ FAILPOINT: `${step}:1:delay:1000` });
    await harness.until(() => harness.saw('"failpoint"', other.pid), UNTIL_OFFERED_MS);
    recoveries.push(secondsSince(began));
    sendSignal(zombie.pid, 'SIGCONT');
    const { violations: found } = await judge(fixture, key, ['completed']);
    violations.add(found.map((what) => `${step}: ${what}`));
    await sleep(200);
    violations.expect(
      harness.workers.includes(zombie),
      `${step}: the worker that was frozen has ended instead of continuing`,
    );
  }
  return { violations: violations.found, recovery: worst(recoveries) };
}

async function pauseFrozen(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  await harness.killWorkers();
  const worker = await harness.startWorker({ FAILPOINT: 'load:after-copy:4:stop' });
  const key = await beginLoad(fixture);
  await harness.until(() => harness.saw('"failpoint"', worker.pid));
  const began = performance.now();
  await harness.client.command('pause', key);
  const recovery = secondsSince(began);
  violations.expect(recovery <= LONGEST_PAUSE, `the pause was answered after ${recovery.toFixed(1)} s`);
  const { rows } = await watch(fixture, key).look();
  violations.expect(rows > 0, 'void: nothing was committed before');
  sendSignal(worker.pid, 'SIGCONT');
  const paused = await watch(fixture, key).untilState('paused');
  await sleep(300);
  const after = await watch(fixture, key).look();
  violations.expect(after.rows === rows && paused.rows === rows, `${after.rows - rows} rows came after the pause`);
  await harness.client.command('resume', key);
  const verdict = await judge(fixture, key, ['completed']);
  return {
    violations: [...violations.found, ...verdict.violations],
    recovery,
    redone: verdict.redone,
    note: 'until the pause is answered',
  };
}
