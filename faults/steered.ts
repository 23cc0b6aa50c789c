import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { beginLoad, type Lab, rowOf, untilMoving, watch, workflowId } from './lab.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** The activities that load: of a file of one part, and of a part of a larger one. */
const LOADS = ['beginUpload', 'loadPart'];

/** Within this time the service shows what was done past it, in seconds. */
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

async function steerActivities(lab: Lab): Promise<Finding> {
  const [paused, unpaused, reset] = [await beginLoad(lab, 8), await beginLoad(lab, 6), await beginLoad(lab, 6)];
  for (const key of [paused, unpaused, reset]) await untilMoving(lab, key);
  await steerActivity(lab, 'pause', unpaused);
  await steerActivity(lab, 'reset', reset);
  await steerActivity(lab, 'unpause', unpaused);
  await steerActivity(lab, 'pause', paused);
  const violations = new Violations();
  const recovery = await untilOperatorPause(lab, paused, violations);
  await lab.rig.client.command('resume', paused);
  const verdict = await judgeAll(lab, [paused, unpaused, reset], ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, recovery, redone: verdict.redone, note: 'until it reads paused' };
}

async function steerActivity({ rig }: Lab, command: string, key: TaskKey): Promise<void> {
  const { raw } = await rig.temporal.workflow.getHandle(workflowId(key)).describe();
  const id = raw.pendingActivities?.find(({ activityType }) => LOADS.includes(activityType?.name ?? ''))?.activityId;
  if (!id) throw new Error(`${key.task_name} has no activity that loads: a void round`);
  await rig.temporalCli('activity', command, '-w', workflowId(key), '--activity-id', id);
}

/** Resolves to the seconds until the task reads paused by the operator; from then on nothing moves. */
async function untilOperatorPause(lab: Lab, key: TaskKey, violations: Violations): Promise<number> {
  const began = performance.now();
  const { rows } = await watch(lab, key).untilState('paused');
  const seconds = secondsSince(began);
  violations.expect(seconds <= LONGEST_NOTICE, `reads paused only after ${seconds.toFixed(0)} s`);
  const { pause_reasons } = await lab.rig.client.progress(key);
  violations.expect(/^operator/.test(pause_reasons[0] ?? ''), `paused for ${pause_reasons}`);
  await sleep(500);
  const after = await watch(lab, key).look();
  violations.expect(after.rows === rows, `${after.rows - rows} rows came after it was paused`);
  return seconds;
}

async function resetWorkflows(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const [running, paused] = [await beginLoad(lab, 5), await beginLoad(lab, 5)];
  for (const key of [running, paused]) await untilMoving(lab, key);
  await rig.client.command('pause', paused);
  await watch(lab, paused).untilState('paused');
  for (const key of [running, paused]) {
    await rig.temporalCli(
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
  const { state } = await watch(lab, paused).look();
  violations.expect(state === 'paused', `a paused task is ${state} after the reset of its workflow`);
  await rig.client.command('resume', paused);
  const verdict = await judgeAll(lab, [running, paused], ['completed']);
  violations.add(verdict.violations);
  return { violations: violations.found, redone: verdict.redone };
}

async function pauseWorkflows(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const [resumed, terminated] = [await beginLoad(lab, 8), await beginLoad(lab, 8)];
  for (const key of [resumed, terminated]) await untilMoving(lab, key);
  for (const key of [resumed, terminated]) {
    await rig.temporalCli('workflow', 'pause', '-w', workflowId(key), '--reason', 'by hand');
  }
  const recovery = await untilOperatorPause(lab, resumed, violations);
  await watch(lab, terminated).untilState('paused');
  await rig.client.command('resume', resumed);
  await rig.client.command('terminate', terminated);
  const verdict = await judge(lab, resumed, ['completed']);
  violations.add([...verdict.violations, ...(await judge(lab, terminated, ['terminated'])).violations]);
  return { violations: violations.found, recovery, redone: verdict.redone, note: 'until it reads paused' };
}

/** F7b: the reconciler itself is killed, and has a twin. */
export const reconcilers: Scenario = {
  fault: 'F7',
  place: 'terminated natively, with two reconcilers of which one is killed',
  how: 'six tasks are terminated by the CLI while two APIs run; SIGKILL of one of them 0 to 6 s later',
  run: killReconciler,
};

async function killReconciler(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const second = await rig.startSecondApi();
  const keys: TaskKey[] = [];
  for (let i = 0; i < 6; i++) keys.push(await beginLoad(lab, 12));
  for (const key of keys) await untilMoving(lab, key);
  const began = performance.now();
  for (const key of keys) await rig.temporal.workflow.getHandle(workflowId(key)).terminate('by hand');
  await sleep(lab.random() % 6_000);
  await rig.kill(second);
  violations.add((await judgeAll(lab, keys, ['terminated'])).violations);
  const recovery = secondsSince(began);
  violations.expect(recovery <= LONGEST_NOTICE, `the last was rolled back after ${recovery.toFixed(0)} s`);
  for (const key of keys) {
    const { rows } = await rig.db.query(
      `SELECT channel, reason FROM long_task.task_events WHERE task_id = $1 AND to_state = 'terminating'`,
      [(await rowOf(lab, key)).id],
    );
    violations.expect(rows.length === 1, `${key.task_name} was terminated ${rows.length} times`);
    violations.expect(rows[0]?.channel === 'operator' && rows[0].reason === 'by hand', 'the events do not say by whom');
  }
  return { violations: violations.found, recovery };
}
