import type { Fenceable } from '../activities/context.js';
import type { Prepared } from '../activities/prepare.js';
import type { Status } from './controllable.js';
import { unfenced } from './interruption.js';
import { slidingWindow } from './window.js';

/**
 * Runs the parts of a task that remain, and keeps the counts of the status.
 * @param work starts the activity of a part
 * @throws {Interrupted} when a command or another attempt took over; {ContinueLater}, and the error of a failed part
 */
export async function runParts(
  plan: Prepared,
  status: Status,
  work: (partNo: number) => Promise<Fenceable<{ rows: number; bytes: number }>>,
): Promise<void> {
  status.parts = { done: plan.parts - plan.pending.length, total: plan.parts, running: 0 };
  status.rows = { ...plan.rows };
  status.bytes = { ...plan.bytes };
  await slidingWindow(plan.pending, plan.window, async (partNo) => {
    status.parts.running++;
    const part = unfenced(await work(partNo));
    status.parts.running--;
    status.parts.done++;
    status.rows.done += part.rows;
    status.bytes.done += part.bytes;
  });
}
