import { setTimeout as sleep } from 'node:timers/promises';
import { isRunNeeded, type TaskRow } from '../tasks/tasks.js';
import { OtherRunError, WorkflowClosedError } from './temporal.js';
import type { TemporalParts } from './temporal-parts.js';

type Parts = Pick<TemporalParts, 'pool' | 'temporal'>;

/** A run whose task has ended takes some milliseconds more to end; without a worker it never does. */
const GRACE_MS = 1_000;
const LOOK_EVERY_MS = 50;

/**
 * Starts the task's workflow although another may have run under its id before: for the same task, for the task that
 * had the name before, or for one that a restore has undone. Waits a second for an open run of an ended task to end,
 * then terminates it. Does nothing when the task's own workflow runs.
 * @throws {TaskError} temporal_unavailable; {OtherRunError} when the run of another unfinished task holds the id
 */
export async function startRun(parts: Parts, row: TaskRow): Promise<void> {
  const { temporal } = parts;
  const patientUntil = Date.now() + GRACE_MS;
  for (let start = temporal.startWorkflow; ; start = temporal.restartWorkflow) {
    try {
      return await start(row);
    } catch (error) {
      if (error instanceof OtherRunError) await awaitEnd(parts, row, error, Date.now() < patientUntil);
      else if (!(error instanceof WorkflowClosedError) || start === temporal.restartWorkflow) throw error;
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
