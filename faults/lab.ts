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
import { type Sight, TaskWatch } from '../testkit/task-watch.js';
import { Rig } from './rig.js';

/** A file to load, and what an undisturbed load made of it. */
export interface Input extends Expected {
  reference: Reference;
}

/** The context of a fault: the harness, the files, and the random choices that a seed repeats. */
export interface Lab {
  rig: Rig;
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
export async function openLab(options: Pick<Lab, 'random' | 'isShort' | 'log'>): Promise<Lab> {
  const rig = await Rig.open(options.log);
  try {
    const small = await makeInput(rig, 'small', SMALL_ROWS);
    const large = await makeInput(rig, 'large', LARGE_ROWS);
    const key = newKey('download');
    await rig.client.download(key, { table: 'public.small' });
    await rig.client.waitFor(key, ['completed']);
    const exportSha256 = await sha256Of(await rig.client.result(key));
    return { rig, small, large, exportSha256, ...options };
  } catch (error) {
    await rig.close();
    throw error;
  }
}

async function makeInput(rig: Rig, name: string, rows: number): Promise<Input> {
  const file = path.join(rig.folder, `${name}-source.csv`);
  const { bytes } = await writeSalesFile(file, { rows });
  const expected = { file, rows, bytes, sha256: await sha256Of(createReadStream(file)) };
  return { ...expected, reference: await readReference(rig, expected, name) };
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

/** Starts an upload whose rows move for about so many seconds. */
export async function beginLoad(lab: Lab, seconds = 3, input = lab.small, fields: UploadFields = {}): Promise<TaskKey> {
  const key = newKey();
  await lab.rig.client.upload(key, input.file, { max_bytes_per_second: Math.round(input.bytes / seconds), ...fields });
  return key;
}

/** Whether it is an export that comes by at a failpoint, else it is a load; at the store both do. */
export function isOnExport(failpoint: Failpoint): boolean {
  return ['plan', 'dump', 'assemble', 'store'].includes(failpoint.split(':')[0]!);
}

/**
 * A load of one part is one activity, in one session where nothing paces it; a load of several parts has one for each.
 */
export type Way = 'paced' | 'at once' | 'in parts';

/** Starts a task that comes by at a failpoint. */
export async function beginFor(lab: Lab, failpoint: Failpoint, way: Way = 'paced'): Promise<TaskKey> {
  if (isOnExport(failpoint)) return beginExport(lab);
  if (way === 'at once') return beginLoad(lab, 0.001);
  if (way === 'in parts') return beginLoad(lab, 3, lab.large);
  if (!failpoint.startsWith('inspect:')) return beginLoad(lab);
  // The form gives the dialect only after the file, so the streaming inspection does not count.
  const key = newKey();
  await lab.rig.client.upload(key, lab.small.file, {}, { fieldsAfter: { dialect: { delimiter: ',' } } });
  return key;
}

/** Starts an export of the small table that takes about so many seconds. */
export async function beginExport(lab: Lab, seconds = 2): Promise<TaskKey> {
  const key = newKey('download');
  const rate = Math.round(lab.small.bytes / seconds);
  await lab.rig.client.download(key, { table: 'public.small', max_bytes_per_second: rate });
  return key;
}

/** Resolves when rows of the upload are committed and others are still to come. */
export async function untilMoving(lab: Lab, key: TaskKey): Promise<Sight> {
  return watch(lab, key).until((sight) => sight.rows > 0 && sight.rows < (sight.rowsTotal ?? 0), 'loading');
}

export function watch(lab: Lab, key: TaskKey): TaskWatch {
  return new TaskWatch(lab.rig.db, key, 5);
}

/** Resolves when the task has come further than at `sight`: rows, phase or state. To the seconds since `began`. */
export async function untilFurther(lab: Lab, key: TaskKey, from: Sight, began: number): Promise<number> {
  const further = (now: Sight) => now.rows > from.rows || now.phase !== from.phase || now.state !== from.state;
  const deadline = performance.now() + 60_000;
  for (; performance.now() < deadline; await sleep(5)) {
    const now = await watch(lab, key)
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
export async function rowOf(lab: Lab, key: TaskKey): Promise<TaskRow> {
  const { rows } = await lab.rig.db.query('SELECT * FROM long_task.tasks WHERE workflow_id = $1', [workflowId(key)]);
  return rows[0];
}
