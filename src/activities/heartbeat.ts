import { Context } from '@temporalio/activity';

/**
 * How often an activity that waits sends a heartbeat: its fence is watched by other means, and each heartbeat costs the
 * server a millisecond or two. Well within the heartbeat timeout.
 */
const REST_HEARTBEAT_MS = 3_000;

const resting = new WeakSet<Context>();
/** When each activity sent its last heartbeat (monotonic, ms). */
const lastBeat = new WeakMap<Context, number>();

/** Runs `body`, in which the activity only waits: meanwhile it sends few heartbeats. */
export async function atRest<T>(body: () => Promise<T>): Promise<T> {
  const context = Context.current();
  resting.add(context);
  try {
    return await body();
  } finally {
    resting.delete(context);
  }
}

/**
 * Returns whether an activity must send a heartbeat now: always while it works; while it waits, only when its last one
 * was long ago.
 */
export function isDue(context: Context): boolean {
  const now = performance.now();
  // Counts across rests: an activity with many short rests would otherwise never send one.
  if (resting.has(context) && now - (lastBeat.get(context) ?? 0) < REST_HEARTBEAT_MS) return false;
  lastBeat.set(context, now);
  return true;
}
