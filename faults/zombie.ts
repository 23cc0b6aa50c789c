import { setTimeout as sleep } from 'node:timers/promises';
import { sendSignal } from '../launcher/pids.js';
import type { TaskKey } from '../src/client/client.js';
import type { Failpoint } from '../src/failpoint.js';
import { beginFor, beginLoad, type Lab, untilFurther, watch } from './lab.js';
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
    run: (lab) => meetAgain(lab, lab.isShort ? [STEPS[lab.random() % STEPS.length]!] : STEPS),
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

async function wakeTheDead(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  await rig.killWorkers();
  const keys: TaskKey[] = [];
  // The server continues to offer work to the frozen ones for a while: one of them is enough for the short form.
  const places = lab.isShort ? [PLACES[lab.random() % PLACES.length]!] : PLACES;
  for (const place of places) {
    // Each takes what comes and stands still at its place; the ones before stand already.
    const worker = await rig.startWorker({ FAILPOINT: `${place}:stop` });
    keys.push(await beginLoad(lab, 4));
    await rig.until(() => rig.saw('"failpoint"', worker.pid), UNTIL_OFFERED_MS);
  }
  const frozen = [...rig.workers];
  const began = performance.now();
  const sights = await Promise.all(keys.map((key) => watch(lab, key).look()));
  await rig.startWorker();
  const recoveries = await Promise.all(keys.map((key, i) => untilFurther(lab, key, sights[i]!, began)));
  for (const { pid } of frozen) sendSignal(pid, 'SIGCONT');
  const { violations: found, redone } = await judgeAll(lab, keys, ['completed']);
  violations.add(found);
  await sleep(200);
  violations.expect(
    frozen.every((worker) => rig.workers.includes(worker)),
    'a worker that was frozen has ended instead of continuing',
  );
  return { violations: violations.found, recovery: worst(recoveries), redone };
}

async function meetAgain(lab: Lab, steps: Failpoint[]): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const recoveries: number[] = [];
  for (const step of steps) {
    await rig.killWorkers();
    const zombie = await rig.startWorker({ FAILPOINT: `${step}:1:stop` });
    const key = await beginFor(lab, step);
    await rig.until(() => rig.saw('"failpoint"', zombie.pid));
    const began = performance.now();
    const other = await rig.startWorker({ FAILPOINT: `${step}:1:delay:1000` });
    await rig.until(() => rig.saw('"failpoint"', other.pid), UNTIL_OFFERED_MS);
    recoveries.push(secondsSince(began));
    sendSignal(zombie.pid, 'SIGCONT');
    const { violations: found } = await judge(lab, key, ['completed']);
    violations.add(found.map((what) => `${step}: ${what}`));
    await sleep(200);
    violations.expect(
      rig.workers.includes(zombie),
      `${step}: the worker that was frozen has ended instead of continuing`,
    );
  }
  return { violations: violations.found, recovery: worst(recoveries) };
}

async function pauseFrozen(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  await rig.killWorkers();
  const worker = await rig.startWorker({ FAILPOINT: 'load:after-copy:4:stop' });
  const key = await beginLoad(lab);
  await rig.until(() => rig.saw('"failpoint"', worker.pid));
  const began = performance.now();
  await rig.client.command('pause', key);
  const recovery = secondsSince(began);
  violations.expect(recovery <= LONGEST_PAUSE, `the pause was answered after ${recovery.toFixed(1)} s`);
  const { rows } = await watch(lab, key).look();
  violations.expect(rows > 0, 'void: nothing was committed before');
  sendSignal(worker.pid, 'SIGCONT');
  const paused = await watch(lab, key).untilState('paused');
  await sleep(300);
  const after = await watch(lab, key).look();
  violations.expect(after.rows === rows && paused.rows === rows, `${after.rows - rows} rows came after the pause`);
  await rig.client.command('resume', key);
  const verdict = await judge(lab, key, ['completed']);
  return {
    violations: [...violations.found, ...verdict.violations],
    recovery,
    redone: verdict.redone,
    note: 'until the pause is answered',
  };
}
