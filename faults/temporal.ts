import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import type { Action } from '../src/contract/states.js';
import {
  beginLoad,
  type Fixture,
  newKey,
  patiently,
  rowOf,
  untilFurther,
  untilMoving,
  watch,
  workflowId,
} from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

export const temporalFaults: Scenario[] = [
  {
    fault: 'F4',
    place: 'server killed, commands meanwhile',
    how: 'SIGKILL of the Temporal server, 20 s without it (short: 5 s), start; meanwhile pause, terminate and start by the API',
    run: withoutTemporal,
  },
  {
    fault: 'F4',
    place: 'unreachable when API and worker start',
    how: 'the proxy refuses every connection; API and worker are started and a load starts; then the proxy lets go',
    run: startWithoutTemporal,
  },
  {
    fault: 'F20',
    place: 'the database of Temporal lost',
    how: 'SIGKILL of the server, its database file deleted, start, while tasks are running, paused and rolling back',
    run: loseTemporal,
  },
];

async function startWithoutTemporal(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  await Promise.all([harness.kill(harness.api), harness.killWorkers()]);
  harness.toTemporal.isRefusing = true;
  await harness.launchApi();
  await harness.launchWorker();
  await harness.until(() => harness.client.live().catch(() => undefined));
  const health = await patiently(async () => {
    const answer = await harness.client.ready();
    if (answer.postgres !== 'up') throw new Error('PostgreSQL is not reached yet');
    return answer;
  });
  violations.expect(health.temporal === 'down', `/health/ready says ${JSON.stringify(health)}`);
  const key = newKey();
  const { state } = await harness.client.upload(key, fixture.small.file);
  violations.expect(state === 'queued', `a start without Temporal is ${state}`);
  harness.toTemporal.isRefusing = false;
  const began = performance.now();
  violations.add((await judge(fixture, key, ['completed'])).violations);
  return { violations: violations.found, recovery: secondsSince(began), note: 'until the load is completed' };
}

async function loseTemporal(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  await harness.killWorkers();
  await harness.startWorker({ FAILPOINT: 'rollback:before-drop:1:delay:4000' });
  const [running, paused, terminated] = [
    await beginLoad(fixture, 15),
    await beginLoad(fixture, 8),
    await beginLoad(fixture, 8),
  ];
  for (const key of [running, paused, terminated]) await untilMoving(fixture, key);
  await harness.client.command('pause', paused);
  await watch(fixture, paused).untilState('paused');
  await harness.client.command('terminate', terminated);
  // The service reaches a new server once its namespace and search attributes are set up, as in `npm start`.
  harness.toTemporal.isRefusing = true;
  await harness.kill(harness.temporalServer);
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${harness.temporalFile}${suffix}`, { force: true });
  const snapshot = await watch(fixture, running).look();
  const began = performance.now();
  await harness.startTemporal();
  harness.toTemporal.isRefusing = false;
  const recovery = await untilFurther(fixture, running, snapshot, began);
  violations.expect(recovery <= 60, `continued only after ${recovery.toFixed(0)} s`);
  const { state } = await watch(fixture, paused).look();
  violations.expect(state === 'paused', `the paused task is ${state}`);
  await harness.client.command('resume', paused);
  const verdict = await judgeAll(fixture, [running, paused], ['completed']);
  violations.add([...verdict.violations, ...(await judge(fixture, terminated, ['terminated'])).violations]);
  return { violations: violations.found, recovery, redone: verdict.redone };
}

async function withoutTemporal(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const [toPause, toTerminate, toLeave] = [
    await beginLoad(fixture, 12),
    await beginLoad(fixture, 12),
    await beginLoad(fixture, 8),
  ];
  for (const key of [toPause, toTerminate, toLeave]) await untilMoving(fixture, key);
  await harness.kill(harness.temporalServer);
  const started = newKey();
  violations.add(await commandsAreExact(fixture, { pause: toPause, terminate: toTerminate }));
  const { state } = await harness.client.upload(started, fixture.small.file);
  violations.expect(state === 'queued', `a start without Temporal is ${state}`);
  await sleep(fixture.isShort ? 5_000 : 20_000);
  await harness.startTemporal();
  const began = performance.now();
  await watch(fixture, toPause).untilState('paused');
  const recovery = secondsSince(began);
  await harness.client.command('resume', toPause);
  const verdicts = [
    await judge(fixture, toTerminate, ['terminated']),
    await judgeAll(fixture, [toPause, toLeave, started], ['completed']),
  ];
  const { rows: messages } = await harness.db.query('SELECT kind FROM long_task.outbox WHERE task_id = $1', [
    (await rowOf(fixture, toPause)).id,
  ]);
  violations.expect(messages.length === 0, `${messages.length} messages are still in the outbox`);
  return {
    violations: [...violations.found, ...verdicts.flatMap((verdict) => verdict.violations)],
    recovery,
    redone: verdicts[1]!.redone,
  };
}

/** Each is answered 202, and from its answer on not a row comes in. */
async function commandsAreExact(fixture: Fixture, commands: Partial<Record<Action, TaskKey>>): Promise<string[]> {
  const violations = new Violations();
  for (const [action, key] of Object.entries(commands)) {
    const began = performance.now();
    const { status } = await fetch(`${fixture.harness.client.api}/upload/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ user_id: key.user_id, task_name: key.task_name }),
    });
    violations.expect(status === 202, `${action} without Temporal was answered ${status}`);
    violations.expect(secondsSince(began) < 5, `${action} was answered after ${secondsSince(began).toFixed(1)} s`);
    const { rows } = await watch(fixture, key).look();
    await sleep(1_000);
    const after = await watch(fixture, key).look();
    violations.expect(rows > 0 && after.rows === rows, `${after.rows - rows} rows came after the ${action}`);
  }
  return violations.found;
}

const ENDS = ['cancel', 'terminate'] as const;

/** F7: changed in Temporal, not through the service. */
export const nativeEnds: Scenario = {
  fault: 'F7',
  place: 'cancel and terminate while queued, running, paused, rolling back',
  how: 'natively, as the CLI and the Web UI do it; eight tasks, each in one of four states; no worker while queued, a failpoint holds the rollback',
  run: endNatively,
};

async function endNatively(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  await harness.killWorkers();
  const queued = [await beginLoad(fixture, 10), await beginLoad(fixture, 10)];
  await endAll(fixture, queued);
  await harness.startWorker();
  const running = [await beginLoad(fixture, 10), await beginLoad(fixture, 10)];
  const paused = [await beginLoad(fixture, 10), await beginLoad(fixture, 10)];
  for (const key of [...running, ...paused]) await untilMoving(fixture, key);
  for (const key of paused) await harness.client.command('pause', key);
  for (const key of paused) await watch(fixture, key).untilState('paused');
  const began = performance.now();
  await endAll(fixture, running);
  await endAll(fixture, paused);
  const first = await judgeAll(fixture, [...queued, ...running, ...paused], ['terminated']);
  const recovery = secondsSince(began);

  await harness.killWorkers();
  await harness.startWorker({ FAILPOINT: 'rollback:before-drop:1:delay:1500,rollback:before-drop:2:delay:1500' });
  const rollingBack = [await beginLoad(fixture, 10), await beginLoad(fixture, 10)];
  for (const key of rollingBack) await untilMoving(fixture, key);
  for (const key of rollingBack) await harness.client.command('terminate', key);
  await endAll(fixture, rollingBack);
  const second = await judgeAll(fixture, rollingBack, ['terminated']);
  const violations = [...first.violations, ...second.violations];
  if (recovery > 60) violations.push(`the last was rolled back only after ${recovery.toFixed(0)} s`);
  return { violations, recovery };
}

async function endAll(fixture: Fixture, keys: TaskKey[]): Promise<void> {
  for (const [i, key] of keys.entries()) {
    const handle = fixture.harness.temporal.workflow.getHandle(workflowId(key));
    if (ENDS[i] === 'cancel') await handle.cancel();
    else await handle.terminate('by hand');
  }
}
