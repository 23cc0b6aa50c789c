import { Context } from '@temporalio/activity';

/**
 * How often an activity that waits sends a heartbeat: its fence is watched by other means, and each heartbeat costs the server a
 * millisecond or two. Well within the heartbeat timeout.
 */
const REST_HEARTBEAT_MS = 3_000;

/** Activities that wait, and when each sent its last heartbeat (monotonic, ms). */
const resting = new WeakMap<Context, number>();

/** Runs `body`, in which the activity only waits: meanwhile it sends few heartbeats. */
export async function atRest<T>(body: () => Promise<T>): Promise<T> {
  const context = Context.current();
  resting.set(context, performance.now());
  try {
    return await body();
  } finally {
    resting.delete(context);
  }
}

/** Whether an activity is due to send a heartbeat: one that works always is. */
export function isDue(context: Context): boolean {
  const last = resting.get(context);
  if (last === undefined) return true;
  if (performance.now() - last < REST_HEARTBEAT_MS) return false;
  resting.set(context, performance.now());
  return true;
}
