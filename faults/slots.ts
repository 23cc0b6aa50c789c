import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskKey } from '../src/client/client.js';
import type { State } from '../src/contract/states.js';
import { heldInDatabase } from '../testkit/task-watch.js';
import { type Lab, newKey, rowOf, watch, workflowId } from './lab.js';
import { type Finding, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** Many more than the slots that a worker had when work and steering shared them. */
const TASKS = 40;
/** Bytes per second: each task would take hours. */
const SLOWEST = 1024;
/** A command is in effect within this time, in seconds. */
const LONGEST_COMMAND = 2;
/** Another user's small tasks take at most so much longer than at rest, in seconds. */
const LONGEST_DELAY = 3;
/** So long all tasks are given to come to where their rows move. */
const SETTLED_MS = 20_000;

const CASES = [
  ['loads of as many users', 'upload', (i: number) => `user ${i}`],
  ['loads of one user', 'upload', () => 'greedy'],
  ['exports of one user', 'download', () => 'greedy'],
] as const;

/** F23: every slot taken by tasks that wait for their rate. */
export const takenSlots: Scenario[] = CASES.map(([what, kind, userOf]) => ({
  fault: 'F23',
  place: `every slot taken: ${TASKS} gentle ${what}`,
  how: `${TASKS} tasks of ${SLOWEST} bytes per second; pause and terminate by the API, pause by signal and native cancel are in effect within ${LONGEST_COMMAND} s, an upload and a download of another user take at most ${LONGEST_DELAY} s longer than at rest`,
  run: (lab) => takeSlots(lab, kind, userOf),
}));

async function takeSlots(lab: Lab, kind: TaskKey['kind'], userOf: (i: number) => string): Promise<Finding> {
  const violations = new Violations();
  const small = await timeSmallTasks(lab);
  const keys = Array.from({ length: TASKS }, (_, i): TaskKey => ({ ...newKey(kind), user_id: userOf(i) }));
  // One after the other: connections of ours that stay open would count as the API's descriptors.
  for (const key of keys) await beginGentle(lab, key);
  const settled = lab.rig.until(() => areMoving(lab, keys), SETTLED_MS);
  await settled.catch(() => violations.expect(false, `not all of them move after ${SETTLED_MS / 1000} s`));
  const slowest = await steerSome(lab, keys, violations);
  const beside = await timeSmallTasks(lab);
  for (const what of ['upload', 'download'] as const) {
    const longer = beside[what] - small[what];
    violations.expect(
      longer <= LONGEST_DELAY,
      `another user's ${what} took ${longer.toFixed(1)} s longer than at rest`,
    );
  }
  for (const key of keys) await lab.rig.client.command('terminate', key).catch(() => {});
  violations.add((await judgeAll(lab, keys, ['terminated'])).violations);
  return { violations: violations.found, recovery: slowest, note: 'the slowest command' };
}

async function beginGentle({ rig, small }: Lab, key: TaskKey): Promise<void> {
  const rate = { max_bytes_per_second: SLOWEST };
  if (key.kind === 'upload') await rig.client.upload(key, small.file, rate);
  else await rig.client.download(key, { table: 'public.small', ...rate });
}

async function areMoving({ rig }: Lab, keys: TaskKey[]): Promise<boolean> {
  const { rows } = await rig.db.query(
    `SELECT count(DISTINCT t.id)::int AS moving FROM long_task.tasks t JOIN long_task.parts p ON p.task_id = t.id
      WHERE t.workflow_id = ANY($1) AND t.state = 'running' AND p.rows_done > 0`,
    [keys.map(workflowId)],
  );
  return rows[0].moving === keys.length;
}

/** Resolves to the seconds that the slowest command took to its effect. */
async function steerSome(lab: Lab, keys: TaskKey[], violations: Violations): Promise<number> {
  const { client, temporal } = lab.rig;
  const handle = (key: TaskKey) => temporal.workflow.getHandle(workflowId(key));
  const commands: [string, State, (key: TaskKey) => Promise<unknown>][] = [
    ['a pause by the API', 'paused', (key) => client.command('pause', key)],
    ['a terminate', 'terminated', (key) => client.command('terminate', key)],
    ['a pause by signal', 'paused', (key) => handle(key).signal('pause')],
    ['a native cancel', 'terminated', (key) => handle(key).cancel()],
  ];
  const times: number[] = [];
  for (let i = 0; i < (lab.isShort ? 1 : 3) * commands.length; i++) {
    const [what, state, give] = commands[i % commands.length]!;
    const key = keys[keys.length - 1 - i]!;
    const began = performance.now();
    await give(key);
    await watch(lab, key).untilState(state);
    times.push(secondsSince(began));
    violations.expect(times.at(-1)! <= LONGEST_COMMAND, `${what} was in effect after ${times.at(-1)!.toFixed(1)} s`);
    const held = await heldInDatabase(lab.rig.db, (await rowOf(lab, key)).lock_key);
    violations.expect(held.sessions + held.locks === 0, `${state}, it holds ${held.sessions} sessions`);
  }
  return Math.max(...times);
}

/** Seconds that an upload of 5 kB takes to `completed`, and then its download. */
async function timeSmallTasks(lab: Lab): Promise<{ upload: number; download: number }> {
  const { rig } = lab;
  const file = path.join(rig.folder, 'five-kilobytes.csv');
  await writeFile(file, `id,name\n${Array.from({ length: 250 }, (_, i) => `${i},item number ${i}`).join('\n')}\n`);
  const key: TaskKey = { ...newKey(), user_id: 'another' };
  const began = performance.now();
  await rig.client.upload(key, file);
  await watch(lab, key).untilState('completed');
  const upload = secondsSince(began);
  await rig.client.download(key, {});
  await watch(lab, { ...key, kind: 'download' }).untilState('completed');
  const download = secondsSince(began) - upload;
  const { table } = await rig.client.progress(key);
  await rig.db.query(`DROP TABLE ${table}`);
  return { upload, download };
}
