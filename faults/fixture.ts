import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { TaskKey, UploadFields } from '../src/client/client.js';
import type { Failpoint } from '../src/failpoint.js';
import type { TaskRow } from '../src/tasks/tasks.js';
import { type Expected, type Reference, readReference } from '../testkit/oracle.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { type TaskStatus, TaskWatch } from '../testkit/task-watch.js';
import { FaultHarness } from './fault-harness.js';

/** A file to load, and what an undisturbed load made of it. */
export interface Input extends Expected {
  reference: Reference;
}

/** The context of a fault: the harness, the files, and the random choices that a seed repeats. */
export interface Fixture {
  harness: FaultHarness;
  /** One part of the file, loaded in many small batches when it is paced. */
  small: Input;
  /** Two parts, loaded at once unless paced. */
  large: Input;
  /** sha256 of an undisturbed export of the small one. */
  exportSha256: string;
  /** 0 to 2^31 - 1. */
  random(): number;
  /** Fewer and shorter. */
  isShort: boolean;
  /** Reports progress. */
  log(line: string): void;
}

const SMALL_ROWS = 12_000;
const LARGE_ROWS = 150_000;

/** Opens a harness and loads the files once without any fault; the files themselves prove the loads. */
export async function openFixture(options: Pick<Fixture, 'random' | 'isShort' | 'log'>): Promise<Fixture> {
  const harness = await FaultHarness.open(options.log);
  try {
    const small = await makeInput(harness, 'small', SMALL_ROWS);
    const large = await makeInput(harness, 'large', LARGE_ROWS);
    const key = newKey('download');
    await harness.client.download(key, { table: 'public.small' });
    await harness.client.waitFor(key, ['completed']);
    const exportSha256 = await sha256Of(await harness.client.result(key));
    return { harness, small, large, exportSha256, ...options };
  } catch (error) {
    await harness.close();
    throw error;
  }
}

async function makeInput(harness: FaultHarness, name: string, rows: number): Promise<Input> {
  const file = path.join(harness.folder, `${name}-source.csv`);
  const { bytes } = await writeSalesFile(file, { rows });
  const expected = { file, rows, bytes, sha256: await sha256Of(createReadStream(file)) };
  return { ...expected, reference: await readReference(harness, expected, name) };
}

export async function sha256Of(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(source, hash);
  return hash.digest('hex');
}

let tasks = 0;

/** A name that no task has yet. */
export function newKey(kind: TaskKey['kind'] = 'upload'): TaskKey {
  return { kind, user_id: 'faults', task_name: `${kind} ${++tasks}` };
}

/** Starts an upload whose rows move for about `seconds`. */
export async function beginLoad(
  fixture: Fixture,
  seconds = 3,
  input = fixture.small,
  fields: UploadFields = {},
): Promise<TaskKey> {
  const key = newKey();
  await fixture.harness.client.upload(key, input.file, {
    max_bytes_per_second: Math.round(input.bytes / seconds),
    ...fields,
  });
  return key;
}

/** Tells whether exports, rather than loads, pass this failpoint; both pass those of the store. */
export function isOnExport(failpoint: Failpoint): boolean {
  return ['plan', 'dump', 'assemble', 'store'].includes(failpoint.split(':')[0]!);
}

/**
 * A load of one part is one activity, in one session where nothing paces it; a load of several parts has one for each.
 */
export type Way = 'paced' | 'at once' | 'in parts';

/** Starts a task that passes a failpoint. */
export async function beginFor(fixture: Fixture, failpoint: Failpoint, way: Way = 'paced'): Promise<TaskKey> {
  if (isOnExport(failpoint)) return beginExport(fixture);
  if (way === 'at once') return beginLoad(fixture, 0.001);
  if (way === 'in parts') return beginLoad(fixture, 3, fixture.large);
  if (!failpoint.startsWith('inspect:')) return beginLoad(fixture);
  // The form gives the dialect only after the file, so the streaming inspection does not count.
  const key = newKey();
  await fixture.harness.client.upload(key, fixture.small.file, {}, { fieldsAfter: { dialect: { delimiter: ',' } } });
  return key;
}

/** Starts an export of the small table that takes about `seconds`. */
export async function beginExport(fixture: Fixture, seconds = 2): Promise<TaskKey> {
  const key = newKey('download');
  const rate = Math.round(fixture.small.bytes / seconds);
  await fixture.harness.client.download(key, { table: 'public.small', max_bytes_per_second: rate });
  return key;
}

/** Resolves when rows of the upload are committed and others are still to come. */
export async function untilMoving(fixture: Fixture, key: TaskKey): Promise<TaskStatus> {
  return watch(fixture, key).until(
    (snapshot) => snapshot.rows > 0 && snapshot.rows < (snapshot.rowsTotal ?? 0),
    'loading',
  );
}

/** Often enough to hit a load under way; dozens of tasks are watched at once, which costs the service its processor. */
const LOOK_EVERY_MS = 20;

export function watch(fixture: Fixture, key: TaskKey): TaskWatch {
  return new TaskWatch(fixture.harness.db, key, LOOK_EVERY_MS);
}

/** Waits until rows, phase or state of the task differ from `from`. Resolves to the seconds since `began`. */
export async function untilFurther(fixture: Fixture, key: TaskKey, from: TaskStatus, began: number): Promise<number> {
  const further = (now: TaskStatus) => now.rows > from.rows || now.phase !== from.phase || now.state !== from.state;
  const deadline = performance.now() + 60_000;
  for (; performance.now() < deadline; await sleep(LOOK_EVERY_MS)) {
    const now = await watch(fixture, key)
      .look()
      .catch(() => undefined); // PostgreSQL may be away.
    if (now && further(now)) return (performance.now() - began) / 1000;
  }
  throw new Error(`${key.task_name} did not continue within a minute`);
}

/** Tries again while a part of the service is away. */
export async function patiently<T>(body: () => Promise<T>, milliseconds = 60_000): Promise<T> {
  for (const end = performance.now() + milliseconds; ; await sleep(100)) {
    try {
      return await body();
    } catch (error) {
      if ((error instanceof ApiError && error.status < 500) || performance.now() > end) throw error;
    }
  }
}

export const workflowId = (key: TaskKey) => `${key.kind}/${key.user_id}/${key.task_name}`;

/** The task row, all of it. */
export async function rowOf(fixture: Fixture, key: TaskKey): Promise<TaskRow> {
  const { rows } = await fixture.harness.db.query('SELECT * FROM long_task.tasks WHERE workflow_id = $1', [
    workflowId(key),
  ]);
  return rows[0];
}
