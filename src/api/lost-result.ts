import type { Store } from '../storage/store.js';
import type { TaskSnapshot } from '../tasks/task-snapshots.js';
import type { TaskRow } from '../tasks/tasks.js';

/** Whether the result file of a completed download is missing in the store, or has another size than the result. */
export async function isResultLost(store: Store, { state, result }: TaskRow): Promise<boolean> {
  if (state !== 'completed' || !result) return false;
  // A store that cannot be read now does not count as a loss.
  const found = await store.stat(result.key).catch(() => result);
  return found?.size !== result.size;
}

/** Adds to a snapshot what the file store says of the task's result. */
export async function withResult(store: Store, snapshot: TaskSnapshot): Promise<TaskSnapshot> {
  return { ...snapshot, resultLost: await isResultLost(store, snapshot.row) };
}
