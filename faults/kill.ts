import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../launcher/processes.js';
import type { TaskKey } from '../src/client/client.js';
import { isFinal, type State } from '../src/contract/states.js';
import { FAILPOINTS, type Failpoint } from '../src/failpoint.js';
import { Missed } from '../testkit/task-watch.js';
import {
  beginFor,
  beginLoad,
  type Input,
  isOnExport,
  type Lab,
  untilFurther,
  untilMoving,
  type Way,
  watch,
  workflowId,
} from './lab.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { endsWithin, type Scenario, Violations, worst } from './scenario.js';

/** A place at which the worker is killed, and a task that comes by there. */
export interface Kill {
  failpoint: Failpoint;
  /** On which hit. */
  nth: number;
  /** Of a load; `paced` when absent. */
  way?: Way;
}

/** From the kill to the next thing committed: the heartbeat timeout of 8 s, the worker's start, retries. */
const LONGEST_RECOVERY = 15;

/** The places which a task passes more than once. */
const LATER: Partial<Record<Failpoint, number>> = {
  'load:before-copy': 7,
  'load:after-copy': 7,
  'load:before-commit': 7,
  'load:after-commit': 7,
  'dump:mid-part': 3,
  'settle:before-commit': 2,
  'store:before-fsync': 2,
  'store:before-rename': 2,
  'store:after-rename': 2,
};

/** The places that a load or an export passes. test/e2e/faulty-input.test.ts and delete.test.ts kill at the others. */
const PASSED = FAILPOINTS.filter((name) => !name.startsWith('fault:') && !name.startsWith('delete:'));

export const FIRST_KILLS: Kill[] = PASSED.map((failpoint) => ({ failpoint, nth: 1 }));

/** Those that a load passes in every one of its ways. */
const ON_LOAD = FIRST_KILLS.filter(({ failpoint }) => /^(prepare|load|publish):/.test(failpoint));

/** One place of each step, in the ways that a short run of the others does not take. */
export const OTHER_WAYS: Kill[] = (['load:after-commit', 'publish:after-commit'] as const).flatMap(
  (failpoint): Kill[] => [
    { failpoint, nth: 1, way: 'at once' },
    { failpoint, nth: 1, way: 'in parts' },
  ],
);

const ALL_KILLS: Kill[] = [
  ...FIRST_KILLS.flatMap((first) => {
    const later = LATER[first.failpoint];
    return later ? [first, { ...first, nth: later }] : [first];
  }),
  ...ON_LOAD.flatMap((kill): Kill[] => [
    { ...kill, way: 'at once' },
    { ...kill, way: 'in parts' },
  ]),
];

/** F1: one scenario for each place, the worker started again at once. */
export const kills: Scenario[] = ALL_KILLS.map((kill) => ({
  fault: 'F1',
  place: `${kill.failpoint} #${kill.nth}${kill.way ? `, ${kill.way}` : ''}`,
  how: 'SIGKILL of the worker at this failpoint, a new worker at once',
  run: (lab) => killAlone(lab, kill),
}));

/** F1 in the short form: a worker is killed at one place after the other while earlier tasks are still recovering. */
export function killRelay(places: Kill[]): Scenario {
  return {
    fault: 'F1',
    place: `${places.length} failpoints in turn`,
    how: 'workers one after the other, each killed at the next failpoint by a task of its own, while the tasks before still recover',
    run: (lab) => relay(lab, places),
  };
}

export const randomKills: Scenario = {
  fault: 'F1',
  place: 'random moments',
  how: 'SIGKILL of the worker again and again, 0.2 to 2.5 s after its start, under a paced and an unpaced load',
  run: killAtRandom,
};

async function killAlone(lab: Lab, kill: Kill): Promise<Finding> {
  const { rig } = lab;
  await rig.killWorkers();
  const worker = await rig.startWorker({ FAILPOINT: `${kill.failpoint}:${kill.nth}:kill` });
  const victim = await provoke(lab, kill, worker);
  if (!(await endsWithin(worker, 20_000))) throw new Error('the worker was never there: a void round');
  const began = performance.now();
  const sight = await watch(lab, victim.key).look();
  await rig.startWorker();
  const recovery = isFinal(sight.state) ? undefined : await untilFurther(lab, victim.key, sight, began);
  const violations = new Violations();
  violations.expect((recovery ?? 0) <= LONGEST_RECOVERY, `continued only after ${recovery?.toFixed(1)} s`);
  await victim.goOn();
  const { redone, violations: found } = await judge(lab, victim.key, [victim.end], victim.input);
  violations.add(found);
  return { violations: violations.found, recovery, redone };
}

async function relay(lab: Lab, places: Kill[]): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const victims: Victim[] = [];
  await rig.killWorkers();
  for (const kill of places) {
    const worker = await rig.startWorker({ FAILPOINT: `${kill.failpoint}:${kill.nth}:kill` });
    victims.push(await provoke(lab, kill, worker));
    const isHit = await endsWithin(worker, 20_000);
    violations.expect(isHit, `void: the worker did not come to ${kill.failpoint}`);
    if (!isHit) await rig.kill(worker);
  }
  const began = performance.now();
  await rig.startWorker();
  const recoveries = victims.map(async ({ key }) => {
    const sight = await watch(lab, key).look();
    return isFinal(sight.state) ? undefined : untilFurther(lab, key, sight, began);
  });
  await Promise.all(victims.map((victim) => victim.goOn()));
  const verdicts = await Promise.all(victims.map(({ key, end, input }) => judge(lab, key, [end], input)));
  for (const verdict of verdicts) violations.add(verdict.violations);
  const redone = verdicts.reduce((sum, verdict) => sum + verdict.redone, 0);
  return { violations: violations.found, recovery: worst(await Promise.all(recoveries)), redone };
}

/** A task that comes to a failpoint, and how it is brought to its end afterwards. */
interface Victim {
  key: TaskKey;
  end: State;
  goOn(): Promise<unknown>;
  /** What it loads, where that is not the small file. */
  input?: Input | undefined;
}

/** In the relay an earlier task may end the worker before this one moves: it gets its commands all the same. */
async function provoke(lab: Lab, { failpoint, nth, way }: Kill, worker: Running): Promise<Victim> {
  const { rig } = lab;
  const moving = (key: TaskKey) => Promise.race([untilMoving(lab, key).catch(whenMissed), worker.exited]);
  const [room] = failpoint.split(':');
  const key = await beginFor(lab, failpoint, way);
  if (isOnExport(failpoint)) return { key, end: 'completed', goOn: async () => {} };
  if (room === 'rollback') {
    await moving(key);
    await rig.client.command('terminate', key);
    return { key, end: 'terminated', goOn: async () => {} };
  }
  if (room === 'command' || (room === 'settle' && nth > 1)) {
    await moving(key);
    // A signal, so that it is the worker and not the API that writes the command down.
    await rig.temporal.workflow.getHandle(workflowId(key)).signal('pause');
    const resume = async () => {
      await watch(lab, key).untilState('paused');
      await rig.client.command('resume', key);
    };
    return { key, end: 'completed', goOn: resume };
  }
  const input = way === 'in parts' ? lab.large : undefined;
  return { key, end: 'completed', goOn: async () => {}, input };
}

/** Its result no longer matters once the worker has ended. */
function whenMissed(error: unknown): void {
  if (!(error instanceof Missed)) throw error;
}

async function killAtRandom(lab: Lab): Promise<Finding> {
  const { rig, large, small } = lab;
  const keys = [await beginLoad(lab, 4, large), await beginLoad(lab, 0.001, large)];
  const paced = await beginLoad(lab, 6, small);
  const times = lab.isShort ? 3 : 10;
  for (let i = 0; i < times; i++) {
    await sleep(200 + (lab.random() % 2300));
    await rig.killWorkers();
    await rig.startWorker();
  }
  const verdicts = [await judgeAll(lab, keys, ['completed'], large), await judge(lab, paced, ['completed'])];
  return {
    violations: verdicts.flatMap(({ violations }) => violations),
    redone: verdicts.reduce((sum, { redone }) => sum + redone, 0),
    note: `${times} kills`,
  };
}
