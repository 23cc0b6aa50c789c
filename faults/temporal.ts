import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import type { Action } from '../src/contract/states.js';
import { beginLoad, type Lab, newKey, patiently, rowOf, untilFurther, untilMoving, watch, workflowId } from './lab.js';
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

async function startWithoutTemporal(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  await Promise.all([rig.kill(rig.api), rig.killWorkers()]);
  rig.toTemporal.isRefusing = true;
  await rig.launchApi();
  await rig.launchWorker();
  await rig.until(() => rig.client.live().catch(() => undefined));
  const health = await patiently(async () => {
    const answer = await rig.client.ready();
    if (answer.postgres !== 'up') throw new Error('PostgreSQL is not reached yet');
    return answer;
  });
  violations.expect(health.temporal === 'down', `/health/ready says ${JSON.stringify(health)}`);
  const key = newKey();
  const { state } = await rig.client.upload(key, lab.small.file);
  violations.expect(state === 'queued', `a start without Temporal is ${state}`);
  rig.toTemporal.isRefusing = false;
  const began = performance.now();
  violations.add((await judge(lab, key, ['completed'])).violations);
  return { violations: violations.found, recovery: secondsSince(began), note: 'until the load is completed' };
}

async function loseTemporal(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  await rig.killWorkers();
  await rig.startWorker({ FAILPOINT: 'rollback:before-drop:1:delay:4000' });
  const [running, paused, terminated] = [await beginLoad(lab, 15), await beginLoad(lab, 8), await beginLoad(lab, 8)];
  for (const key of [running, paused, terminated]) await untilMoving(lab, key);
  await rig.client.command('pause', paused);
  await watch(lab, paused).untilState('paused');
  await rig.client.command('terminate', terminated);
  // The service reaches a new server once its namespace and search attributes are set up, as in `npm start`.
  rig.toTemporal.isRefusing = true;
  await rig.kill(rig.temporalServer);
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${rig.temporalFile}${suffix}`, { force: true });
  const sight = await watch(lab, running).look();
  const began = performance.now();
  await rig.startTemporal();
  rig.toTemporal.isRefusing = false;
  const recovery = await untilFurther(lab, running, sight, began);
  violations.expect(recovery <= 60, `continued only after ${recovery.toFixed(0)} s`);
  const { state } = await watch(lab, paused).look();
  violations.expect(state === 'paused', `the paused task is ${state}`);
  await rig.client.command('resume', paused);
  const verdict = await judgeAll(lab, [running, paused], ['completed']);
  violations.add([...verdict.violations, ...(await judge(lab, terminated, ['terminated'])).violations]);
  return { violations: violations.found, recovery, redone: verdict.redone };
}

async function withoutTemporal(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const [toPause, toTerminate, toLeave] = [await beginLoad(lab, 12), await beginLoad(lab, 12), await beginLoad(lab, 8)];
  for (const key of [toPause, toTerminate, toLeave]) await untilMoving(lab, key);
  await rig.kill(rig.temporalServer);
  const started = newKey();
  violations.add(await commandsAreExact(lab, { pause: toPause, terminate: toTerminate }));
  const { state } = await rig.client.upload(started, lab.small.file);
  violations.expect(state === 'queued', `a start without Temporal is ${state}`);
  await sleep(lab.isShort ? 5_000 : 20_000);
  await rig.startTemporal();
  const began = performance.now();
  await watch(lab, toPause).untilState('paused');
  const recovery = secondsSince(began);
  await rig.client.command('resume', toPause);
  const verdicts = [
    await judge(lab, toTerminate, ['terminated']),
    await judgeAll(lab, [toPause, toLeave, started], ['completed']),
  ];
  const { rows: messages } = await rig.db.query('SELECT kind FROM long_task.outbox WHERE task_id = $1', [
    (await rowOf(lab, toPause)).id,
  ]);
  violations.expect(messages.length === 0, `${messages.length} messages are still in the outbox`);
  return {
    violations: [...violations.found, ...verdicts.flatMap((verdict) => verdict.violations)],
    recovery,
    redone: verdicts[1]!.redone,
  };
}

/** Each is answered 202, and from its answer on not a row comes in. */
async function commandsAreExact(lab: Lab, commands: Partial<Record<Action, TaskKey>>): Promise<string[]> {
  const violations = new Violations();
  for (const [action, key] of Object.entries(commands)) {
    const began = performance.now();
    const { status } = await fetch(`${lab.rig.client.api}/upload/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ user_id: key.user_id, task_name: key.task_name }),
    });
    violations.expect(status === 202, `${action} without Temporal was answered ${status}`);
    violations.expect(secondsSince(began) < 5, `${action} was answered after ${secondsSince(began).toFixed(1)} s`);
    const { rows } = await watch(lab, key).look();
    await sleep(1_000);
    const after = await watch(lab, key).look();
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

async function endNatively(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  await rig.killWorkers();
  const queued = [await beginLoad(lab, 10), await beginLoad(lab, 10)];
  await endAll(lab, queued);
  await rig.startWorker();
  const running = [await beginLoad(lab, 10), await beginLoad(lab, 10)];
  const paused = [await beginLoad(lab, 10), await beginLoad(lab, 10)];
  for (const key of [...running, ...paused]) await untilMoving(lab, key);
  for (const key of paused) await rig.client.command('pause', key);
  for (const key of paused) await watch(lab, key).untilState('paused');
  const began = performance.now();
  await endAll(lab, running);
  await endAll(lab, paused);
  const first = await judgeAll(lab, [...queued, ...running, ...paused], ['terminated']);
  const recovery = secondsSince(began);

  await rig.killWorkers();
  await rig.startWorker({ FAILPOINT: 'rollback:before-drop:1:delay:1500,rollback:before-drop:2:delay:1500' });
  const rollingBack = [await beginLoad(lab, 10), await beginLoad(lab, 10)];
  for (const key of rollingBack) await untilMoving(lab, key);
  for (const key of rollingBack) await rig.client.command('terminate', key);
  await endAll(lab, rollingBack);
  const second = await judgeAll(lab, rollingBack, ['terminated']);
  const violations = [...first.violations, ...second.violations];
  if (recovery > 60) violations.push(`the last was rolled back only after ${recovery.toFixed(0)} s`);
  return { violations, recovery };
}

async function endAll(lab: Lab, keys: TaskKey[]): Promise<void> {
  for (const [i, key] of keys.entries()) {
    const handle = lab.rig.temporal.workflow.getHandle(workflowId(key));
    if (ENDS[i] === 'cancel') await handle.cancel();
    else await handle.terminate('by hand');
  }
}
