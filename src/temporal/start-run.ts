import { setTimeout as sleep } from 'node:timers/promises';
import { isRunNeeded, type TaskRow } from '../tasks/tasks.js';
import { OtherRunError, WorkflowClosedError } from './temporal.js';
import type { TemporalParts } from './temporal-parts.js';

type Parts = Pick<TemporalParts, 'pool' | 'temporal'>;

/** The grace period for the run of an ended task, which ends within milliseconds, but never without a worker. */
const GRACE_MS = 1_000;
const LOOK_EVERY_MS = 50;

/**
 * Starts the task's workflow, unless it runs already. An earlier run under its id may belong to the same task, to one
 * that had the name before, or to one that a restore has undone. Gives an open run of an ended task a second to end,
 * then terminates it.
 * @throws {TaskError} temporal_unavailable; {OtherRunError} when the run of another unfinished task holds the id
 */
export async function startRun(parts: Parts, row: TaskRow): Promise<void> {
  const { temporal } = parts;
  const patientUntil = Date.now() + GRACE_MS;
  for (let isRestart = false; ; isRestart = true) {
    try {
      return await (isRestart ? temporal.restartWorkflow(row) : temporal.startWorkflow(row));
    } catch (error) {
      if (error instanceof OtherRunError) await awaitEnd(parts, row, error, Date.now() < patientUntil);
      else if (!(error instanceof WorkflowClosedError) || isRestart) throw error;
    }
  }
}

async function awaitEnd(
  { pool, temporal }: Parts,
  row: TaskRow,
  error: OtherRunError,
  patient: boolean,
): Promise<void> {
  const { taskId, runId } = error.run;
  if (taskId !== undefined && (await isRunNeeded(pool, taskId, row.workflow_id))) throw error;
  if (patient) await sleep(LOOK_EVERY_MS);
  else await temporal.endWorkflow(row, runId, 'Long-Task: the task of this run has ended, and its name is used again');
}
