import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../launcher/processes.js';
import type { TaskKey } from '../src/client/client.js';
import { isFinal, type State } from '../src/contract/states.js';
import { FAILPOINTS, type Failpoint } from '../src/failpoint.js';
import { Missed } from '../testkit/task-watch.js';
import {
  beginFor,
  beginLoad,
  type Fixture,
  type Input,
  isOnExport,
  untilFurther,
  untilMoving,
  type Way,
  watch,
  workflowId,
} from './fixture.js';
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
const PASSED = FAILPOINTS.filter((name) => !/^(?:fault|delete|convert):/.test(name));

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
  run: (fixture) => killAlone(fixture, kill),
}));

/** F1 in the short form: a worker is killed at one place after the other while earlier tasks are still recovering. */
export function killRelay(places: Kill[]): Scenario {
  return {
    fault: 'F1',
    place: `${places.length} failpoints in turn`,
    how: 'workers one after the other, each killed at the next failpoint by a task of its own, while the tasks before still recover',
    run: (fixture) => relay(fixture, places),
  };
}

export const randomKills: Scenario = {
  fault: 'F1',
  place: 'random moments',
  how: 'SIGKILL of the worker again and again, 0.2 to 2.5 s after its start, under a paced and an unpaced load',
  run: killAtRandom,
};

async function killAlone(fixture: Fixture, kill: Kill): Promise<Finding> {
  const { harness } = fixture;
  await harness.killWorkers();
  const worker = await harness.startWorker({ FAILPOINT: `${kill.failpoint}:${kill.nth}:kill` });
  const target = await provoke(fixture, kill, worker);
  if (!(await endsWithin(worker, 20_000))) throw new Error('the worker was never there: a void round');
  const began = performance.now();
  const snapshot = await watch(fixture, target.key).look();
  await harness.startWorker();
  const recovery = isFinal(snapshot.state) ? undefined : await untilFurther(fixture, target.key, snapshot, began);
  const violations = new Violations();
  violations.expect((recovery ?? 0) <= LONGEST_RECOVERY, `continued only after ${recovery?.toFixed(1)} s`);
  await target.goOn();
  const { redone, violations: found } = await judge(fixture, target.key, [target.end], target.input);
  violations.add(found);
  return { violations: violations.found, recovery, redone };
}

async function relay(fixture: Fixture, places: Kill[]): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const targets: Target[] = [];
  await harness.killWorkers();
  for (const kill of places) {
    const worker = await harness.startWorker({ FAILPOINT: `${kill.failpoint}:${kill.nth}:kill` });
    targets.push(await provoke(fixture, kill, worker));
    const isHit = await endsWithin(worker, 20_000);
    violations.expect(isHit, `void: the worker did not come to ${kill.failpoint}`);
    if (!isHit) await harness.kill(worker);
  }
  const began = performance.now();
  await harness.startWorker();
  const recoveries = targets.map(async ({ key }) => {
    const snapshot = await watch(fixture, key).look();
    return isFinal(snapshot.state) ? undefined : untilFurther(fixture, key, snapshot, began);
  });
  await Promise.all(targets.map((target) => target.goOn()));
  const verdicts = await Promise.all(targets.map(({ key, end, input }) => judge(fixture, key, [end], input)));
  for (const verdict of verdicts) violations.add(verdict.violations);
  const redone = verdicts.reduce((sum, verdict) => sum + verdict.redone, 0);
  return { violations: violations.found, recovery: worst(await Promise.all(recoveries)), redone };
}

/** A task that comes to a failpoint, and how it is brought to its end afterwards. */
interface Target {
  key: TaskKey;
  end: State;
  goOn(): Promise<unknown>;
  /** What it loads, where that is not the small file. */
  input?: Input | undefined;
}

/** In the relay an earlier task may end the worker before this one moves: it gets its commands all the same. */
async function provoke(fixture: Fixture, { failpoint, nth, way }: Kill, worker: Running): Promise<Target> {
  const { harness } = fixture;
  const moving = (key: TaskKey) => Promise.race([untilMoving(fixture, key).catch(whenMissed), worker.exited]);
  const [room] = failpoint.split(':');
  const key = await beginFor(fixture, failpoint, way);
  if (isOnExport(failpoint)) return { key, end: 'completed', goOn: async () => {} };
  if (room === 'rollback') {
    await moving(key);
    await harness.client.command('terminate', key);
    return { key, end: 'terminated', goOn: async () => {} };
  }
  if (room === 'command' || (room === 'settle' && nth > 1)) {
    await moving(key);
    // A signal, so that it is the worker and not the API that writes the command down.
    await harness.temporal.workflow.getHandle(workflowId(key)).signal('pause');
    const resume = async () => {
      await watch(fixture, key).untilState('paused');
      await harness.client.command('resume', key);
    };
    return { key, end: 'completed', goOn: resume };
  }
  const input = way === 'in parts' ? fixture.large : undefined;
  return { key, end: 'completed', goOn: async () => {}, input };
}

/** Its result no longer matters once the worker has ended. */
function whenMissed(error: unknown): void {
  if (!(error instanceof Missed)) throw error;
}

async function killAtRandom(fixture: Fixture): Promise<Finding> {
  const { harness, large, small } = fixture;
  const keys = [await beginLoad(fixture, 4, large), await beginLoad(fixture, 0.001, large)];
  const paced = await beginLoad(fixture, 6, small);
  const times = fixture.isShort ? 3 : 10;
  for (let i = 0; i < times; i++) {
    await sleep(200 + (fixture.random() % 2300));
    await harness.killWorkers();
    await harness.startWorker();
  }
  const verdicts = [await judgeAll(fixture, keys, ['completed'], large), await judge(fixture, paced, ['completed'])];
  return {
    violations: verdicts.flatMap(({ violations }) => violations),
    redone: verdicts.reduce((sum, { redone }) => sum + redone, 0),
    note: `${times} kills`,
  };
}
