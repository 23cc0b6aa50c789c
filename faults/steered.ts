import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { beginLoad, type Fixture, rowOf, untilMoving, watch, workflowId } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** The activities that load: of a file of one part, and of a part of a larger one. */
const LOADS = ['beginUpload', 'loadPart'];

/** The time within which the service shows a change made directly in Temporal, in seconds. */
const LONGEST_NOTICE = 60;

/** F7c: what the CLI and the Web UI can do to a workflow and its activities, other than end them. */
export const nativePauses: Scenario[] = [
  {
    fault: 'F7',
    place: 'activity paused; paused and unpaused; reset',
    how: 'by the CLI while rows move; a pause becomes one of the task, which a resume lifts; a workflow that is unpaused at once or reset continues by itself',
    run: steerActivities,
  },
  {
    fault: 'F7',
    place: 'workflow reset while running, while paused',
    how: 'by the CLI, to its first workflow task; the one continues, the other stays paused until it is resumed',
    run: resetWorkflows,
  },
  {
    fault: 'F7',
    place: 'workflow paused while running; then resumed, terminated',
    how: 'by the CLI, on a server that allows it; resume and terminate by the API lift it',
    run: pauseWorkflows,
  },
];

async function steerActivities(fixture: Fixture): Promise<Finding> {
  const [paused, unpaused, reset] = [
    await beginLoad(fixture, 8),
    await beginLoad(fixture, 6),
    await beginLoad(fixture, 6),
  ];
  for (const key of [paused, unpaused, reset]) await untilMoving(fixture, key);
  await steerActivity(fixture, 'pause', unpaused);
  await steerActivity(fixture, 'reset', reset);
  await steerActivity(fixture, 'unpause', unpaused);
  await steerActivity(fixture, 'pause', paused);
  const violations = new Violations();
  const recovery = await untilOperatorPause(fixture, paused, violations);
  await fixture.harness.client.command('resume', paused);
  const verdict = await judgeAll(fixture, [paused, unpaused, reset], ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, recovery, redone: verdict.redone, note: 'until it reads paused' };
}

async function steerActivity({ harness }: Fixture, command: string, key: TaskKey): Promise<void> {
  const { raw } = await harness.temporal.workflow.getHandle(workflowId(key)).describe();
  const id = raw.pendingActivities?.find(({ activityType }) => LOADS.includes(activityType?.name ?? ''))?.activityId;
  if (!id) throw new Error(`${key.task_name} has no activity that loads: a void round`);
  await harness.temporalCli('activity', command, '-w', workflowId(key), '--activity-id', id);
}

/** Resolves to the seconds until the task reads paused by the operator; from then on nothing moves. */
async function untilOperatorPause(fixture: Fixture, key: TaskKey, violations: Violations): Promise<number> {
  const began = performance.now();
  const { rows } = await watch(fixture, key).untilState('paused');
  const seconds = secondsSince(began);
  violations.expect(seconds <= LONGEST_NOTICE, `reads paused only after ${seconds.toFixed(0)} s`);
  const { pause_reasons } = await fixture.harness.client.progress(key);
  violations.expect(/^operator/.test(pause_reasons[0] ?? ''), `paused for ${pause_reasons}`);
  await sleep(500);
  const after = await watch(fixture, key).look();
  violations.expect(after.rows === rows, `${after.rows - rows} rows came after it was paused`);
  return seconds;
}

async function resetWorkflows(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const [running, paused] = [await beginLoad(fixture, 5), await beginLoad(fixture, 5)];
  for (const key of [running, paused]) await untilMoving(fixture, key);
  await harness.client.command('pause', paused);
  await watch(fixture, paused).untilState('paused');
  for (const key of [running, paused]) {
    await harness.temporalCli(
      'workflow',
      'reset',
      '-w',
      workflowId(key),
      '--type',
      'FirstWorkflowTask',
      '--reason',
      'test',
    );
  }
  await sleep(3_000);
  const { state } = await watch(fixture, paused).look();
  violations.expect(state === 'paused', `a paused task is ${state} after the reset of its workflow`);
  await harness.client.command('resume', paused);
  const verdict = await judgeAll(fixture, [running, paused], ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, redone: verdict.redone };
}

async function pauseWorkflows(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const [resumed, terminated] = [await beginLoad(fixture, 8), await beginLoad(fixture, 8)];
  for (const key of [resumed, terminated]) await untilMoving(fixture, key);
  for (const key of [resumed, terminated]) {
    await harness.temporalCli('workflow', 'pause', '-w', workflowId(key), '--reason', 'by hand');
  }
  const recovery = await untilOperatorPause(fixture, resumed, violations);
  await watch(fixture, terminated).untilState('paused');
  await harness.client.command('resume', resumed);
  await harness.client.command('terminate', terminated);
  const verdict = await judge(fixture, resumed, ['completed']);
  violations.add([...verdict.violations, ...(await judge(fixture, terminated, ['terminated'])).violations]);
  return { violations: violations.found, recovery, redone: verdict.redone, note: 'until it reads paused' };
}

/** F7b: the reconciler itself is killed, and has a twin. */
export const reconcilers: Scenario = {
  fault: 'F7',
  place: 'terminated natively, with two reconcilers of which one is killed',
  how: 'six tasks are terminated by the CLI while two APIs run; SIGKILL of one of them 0 to 6 s later',
  run: killReconciler,
};

async function killReconciler(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const second = await harness.startSecondApi();
  const keys: TaskKey[] = [];
  for (let i = 0; i < 6; i++) keys.push(await beginLoad(fixture, 12));
  for (const key of keys) await untilMoving(fixture, key);
  const began = performance.now();
  for (const key of keys) await harness.temporal.workflow.getHandle(workflowId(key)).terminate('by hand');
  await sleep(fixture.random() % 6_000);
  await harness.kill(second);
  violations.add((await judgeAll(fixture, keys, ['terminated'])).violations);
  const recovery = secondsSince(began);
  violations.expect(recovery <= LONGEST_NOTICE, `the last was rolled back after ${recovery.toFixed(0)} s`);
  for (const key of keys) {
    const { rows } = await harness.db.query(
      `SELECT channel, reason FROM long_task.task_events WHERE task_id = $1 AND to_state = 'terminating'`,
      [(await rowOf(fixture, key)).id],
    );
    violations.expect(rows.length === 1, `${key.task_name} was terminated ${rows.length} times`);
    violations.expect(rows[0]?.channel === 'operator' && rows[0].reason === 'by hand', 'the events do not say by whom');
  }
  return { violations: violations.found, recovery };
}
