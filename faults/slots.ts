import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskKey } from '../src/client/client.js';
import type { State } from '../src/contract/states.js';
import { heldInDatabase } from '../testkit/task-watch.js';
import { type Fixture, newKey, rowOf, watch, workflowId } from './fixture.js';
import { type Finding, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** Many more than the slots that a worker had when work and steering shared them. */
const TASKS = 40;
/** Bytes per second: each task would take hours. */
const SLOWEST = 1024;
/** A command is in effect within this time, in seconds. */
const LONGEST_COMMAND = 2;
/** The most that another user's small tasks may take longer than at rest, in seconds. */
const LONGEST_DELAY = 3;
/** A busy machine makes one of these slow now and then, taken slots each of them: the quickest of so many counts. */
const TRIES = 3;
/** In `npm test` other tests keep the processors busy; a task that waited for a slot would wait for hours. */
const BESIDE_TESTS = 4;
/** The time limit for all tasks to start moving rows. */
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
  how: `${TASKS} tasks of ${SLOWEST} bytes per second; pause and terminate by the API, pause by signal and native cancel are in effect within ${LONGEST_COMMAND} s, an upload and a download of another user take at most ${LONGEST_DELAY} s longer than at rest; each the quickest of up to ${TRIES} tries`,
  run: (fixture) => takeSlots(fixture, kind, userOf),
}));

async function takeSlots(fixture: Fixture, kind: TaskKey['kind'], userOf: (i: number) => string): Promise<Finding> {
  const violations = new Violations();
  const small = await timeSmallTasks(fixture);
  const keys = Array.from({ length: TASKS }, (_, i): TaskKey => ({ ...newKey(kind), user_id: userOf(i) }));
  // One after the other: connections of ours that stay open would count as the API's descriptors.
  for (const key of keys) await beginGentle(fixture, key);
  const settled = fixture.harness.until(() => areMoving(fixture, keys), SETTLED_MS);
  await settled.catch(() => violations.expect(false, `not all of them move after ${SETTLED_MS / 1000} s`));
  const slowest = await steerSome(fixture, keys, violations);
  const limit = LONGEST_DELAY * (fixture.isShort ? BESIDE_TESTS : 1);
  const longer = await quickest(limit, async () => {
    const beside = await timeSmallTasks(fixture);
    return Math.max(beside.upload - small.upload, beside.download - small.download);
  });
  violations.expect(
    longer <= limit,
    `an upload or download of another user took ${longer.toFixed(1)} s longer than at rest`,
  );
  for (const key of keys) await fixture.harness.client.command('terminate', key).catch(() => {});
  violations.add((await judgeAll(fixture, keys, ['terminated'])).violations);
  return { violations: violations.found, recovery: slowest, note: 'the slowest command' };
}

async function beginGentle({ harness, small }: Fixture, key: TaskKey): Promise<void> {
  const rate = { max_bytes_per_second: SLOWEST };
  if (key.kind === 'upload') await harness.client.upload(key, small.file, rate);
  else await harness.client.download(key, { table: 'public.small', ...rate });
}

async function areMoving({ harness }: Fixture, keys: TaskKey[]): Promise<boolean> {
  const { rows } = await harness.db.query(
    `SELECT count(DISTINCT t.id)::int AS moving FROM long_task.tasks t JOIN long_task.parts p ON p.task_id = t.id
      WHERE t.workflow_id = ANY($1) AND t.state = 'running' AND p.rows_done > 0`,
    [keys.map(workflowId)],
  );
  return rows[0].moving === keys.length;
}

/** Resolves to the seconds that the slowest command took to its effect. */
async function steerSome(fixture: Fixture, keys: TaskKey[], violations: Violations): Promise<number> {
  const { client, temporal } = fixture.harness;
  const handle = (key: TaskKey) => temporal.workflow.getHandle(workflowId(key));
  const commands: [string, State, (key: TaskKey) => Promise<unknown>][] = [
    ['a pause by the API', 'paused', (key) => client.command('pause', key)],
    ['a terminate', 'terminated', (key) => client.command('terminate', key)],
    ['a pause by signal', 'paused', (key) => handle(key).signal('pause')],
    ['a native cancel', 'terminated', (key) => handle(key).cancel()],
  ];
  const limit = LONGEST_COMMAND * (fixture.isShort ? BESIDE_TESTS : 1);
  const times: number[] = [];
  let next = keys.length;
  for (let i = 0; i < (fixture.isShort ? 1 : 3) * commands.length; i++) {
    const [what, state, give] = commands[i % commands.length]!;
    const seconds = await quickest(limit, async () => {
      const key = keys[--next]!;
      const began = performance.now();
      await give(key);
      await watch(fixture, key).untilState(state);
      const taken = secondsSince(began);
      const held = await heldInDatabase(fixture.harness.db, (await rowOf(fixture, key)).lock_key);
      violations.expect(held.sessions + held.locks === 0, `${state}, it holds ${held.sessions} sessions`);
      return taken;
    });
    times.push(seconds);
    violations.expect(seconds <= limit, `${what} was in effect after ${seconds.toFixed(1)} s`);
  }
  return Math.max(...times);
}

/** Resolves to the first time that is within the limit, in seconds, or else to the least of all tries. */
async function quickest(limit: number, act: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && best > limit; tries++) best = Math.min(best, await act());
  return best;
}

/** Seconds that an upload of 5 kB takes to `completed`, and then its download. */
async function timeSmallTasks(fixture: Fixture): Promise<{ upload: number; download: number }> {
  const { harness } = fixture;
  const file = path.join(harness.folder, 'five-kilobytes.csv');
  await writeFile(file, `id,name\n${Array.from({ length: 250 }, (_, i) => `${i},item number ${i}`).join('\n')}\n`);
  const key: TaskKey = { ...newKey(), user_id: 'another' };
  const began = performance.now();
  await harness.client.upload(key, file);
  await watch(fixture, key).untilState('completed');
  const upload = secondsSince(began);
  await harness.client.download(key, {});
  await watch(fixture, { ...key, kind: 'download' }).untilState('completed');
  const download = secondsSince(began) - upload;
  const { table } = await harness.client.progress(key);
  await harness.db.query(`DROP TABLE ${table}`);
  return { upload, download };
}
