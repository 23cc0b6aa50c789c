import { setTimeout as sleep } from 'node:timers/promises';
import { TaskError } from '../contract/errors.js';
import { commandFromOutside, commandTask, settleTask } from '../tasks/commands.js';
import { getTaskById, listUnfinished, listUntidy, type TaskRow } from '../tasks/tasks.js';
import { tryDispatch } from '../temporal/dispatch.js';
import { startRun } from '../temporal/start-run.js';
import type { MaintenanceParts } from './maintenance-parts.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'temporal' | 'log'>;

const ROUND_MS = 5_000;
/** A paused task waits for a command, so it is checked only every few rounds, in case its workflow was ended. */
const PAUSED_EVERY = 6;
/**
 * The number of failures of its workflow task after which a workflow counts as stuck. For example, its history does not
 * fit the code of the workers.
 */
const STUCK_ATTEMPTS = 5;
/** The reason given when the reconciler ends such a workflow, to distinguish it from a terminate by an operator. */
export const RESTARTED = 'Long-Task restarted this workflow: its workflow tasks keep failing';
/** The same of an earlier version, which may have ended a workflow just before an update. */
export const RESTARTED_BEFORE = 'Long-Task begins this workflow anew: its steps fail again and again';
/** A task counts only this long after its last change, since a younger change may not have reached the workflow. */
const SETTLED_SECONDS = 3;

/**
 * Keeps tasks and workflows in step when Temporal was changed from outside: natively terminated, paused or reset,
 * timed out, its history lost. The task row is authoritative: a workflow that ended before its task is started again
 * and follows the row. Several reconcilers at once do not harm: every step is a no-op the second time.
 */
export async function runReconciler(parts: Parts, signal: AbortSignal, onRound: OnRound = () => {}): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    const began = performance.now();
    const outcome = await reconcileAll(parts, round % PAUSED_EVERY === 0, signal).then(
      () => 'done' as const,
      (error: unknown) => {
        parts.log.debug({ err: error }, 'reconciler failed; the next round will retry');
        return 'failed' as const;
      },
    );
    onRound(outcome, (performance.now() - began) / 1000);
    await sleep(ROUND_MS, undefined, { signal }).catch(() => {});
  }
}

/** Is called after each round. */
type OnRound = (outcome: 'done' | 'failed', seconds: number) => void;

/** One round over all unfinished tasks, the paused ones only when asked. */
export async function reconcileAll(parts: Parts, paused: boolean, signal?: AbortSignal): Promise<void> {
  for (const row of await listUnfinished(parts.pool, { paused, quietSeconds: SETTLED_SECONDS })) {
    if (signal?.aborted) return;
    await tolerantly(parts, row, () => reconcile(parts, row));
  }
  if (!paused) return;
  for (const row of await listUntidy(parts.pool, SETTLED_SECONDS)) {
    if (signal?.aborted) return;
    await tolerantly(parts, row, () => ensureTidy(parts, row));
  }
}

/**
 * Logs the error of one task, so that the others continue. An outage of Temporal ends the round: it would hit them
 * all.
 */
async function tolerantly({ log }: Parts, row: TaskRow, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof TaskError && error.retryable) throw error;
    log.warn({ err: error, task: row.workflow_id }, 'cannot be reconciled now');
  }
}

async function reconcile(parts: Parts, row: TaskRow): Promise<void> {
  const { pool, temporal, log } = parts;
  const workflow = await temporal.describeWorkflow(row);
  if (workflow.is === 'running' && workflow.attempts < STUCK_ATTEMPTS && workflow.pausedActivities.length === 0) return;
  // The row was read a while ago. If it has changed since, task and workflow are not known to differ.
  if ((await getTaskById(pool, row.id)).version !== row.version) return;
  if (workflow.is === 'running' && workflow.attempts >= STUCK_ATTEMPTS) return restartRun(parts, row, workflow);
  log.warn({ task: row.workflow_id, state: row.state, workflow }, 'Temporal was changed from outside the service');
  if (workflow.is === 'paused' || workflow.is === 'running') return followNativePause(parts, row, workflow.is);
  if (workflow.is === 'terminated' && (workflow.reason === RESTARTED || workflow.reason === RESTARTED_BEFORE))
    await applyPendingSignals(parts, row, workflow.runId);
  else if (workflow.is === 'terminated' && row.state !== 'terminating' && row.state !== 'rollback_failed') {
    const reason = workflow.reason ?? 'the workflow was terminated in Temporal';
    await commandTask(pool, row, { action: 'terminate', channel: 'operator', actor: workflow.by, reason });
  }
  await restart(parts, row);
}

/** Starts a run with the present state of the task, which becomes its search attribute. */
async function restart(parts: Parts, { id }: TaskRow): Promise<void> {
  await startRun(parts, await getTaskById(parts.pool, id));
}

/** Starts a run for a completed task whose workflow ended before it had tidied up. */
async function ensureTidy(parts: Parts, row: TaskRow): Promise<void> {
  const { temporal, log } = parts;
  const workflow = await temporal.describeWorkflow(row);
  if (workflow.is === 'running' || workflow.is === 'paused') return;
  log.warn({ task: row.workflow_id, workflow }, 'the workflow ended before it had tidied up');
  await startRun(parts, row);
}

/**
 * Turns a native pause into a pause of the task, which a resume ends. A task that rolls back is unpaused at once.
 */
async function followNativePause(parts: Parts, row: TaskRow, workflow: 'paused' | 'running'): Promise<void> {
  const { pool, temporal } = parts;
  if (row.state === 'terminating' || row.state === 'rollback_failed') return temporal.unpauseNatively(row);
  if (row.state === 'paused') return;
  const reason =
    workflow === 'paused'
      ? 'operator: the workflow was paused in Temporal'
      : 'operator: an activity was paused in Temporal';
  const paused = await commandTask(pool, row, {
    action: 'pause',
    channel: 'operator',
    reason,
    nativePause: workflow === 'paused' ? 'workflow' : 'activity',
  });
  if (workflow === 'running') await tryDispatch(parts, paused.row);
  // A paused workflow runs no code that could settle the task; its writers are fenced already.
  else await settleTask(pool, row.id);
}

/**
 * Ends the workflow and starts another, which reads the task row. First applies the signals that the old one could not.
 */
async function restartRun(
  parts: Parts,
  row: TaskRow,
  { runId, attempts }: { runId: string; attempts: number },
): Promise<void> {
  const { temporal, log } = parts;
  log.error({ task: row.workflow_id, state: row.state, attempts }, 'workflow is stuck; restarting it');
  await temporal.endWorkflow(row, runId, RESTARTED);
  await applyPendingSignals(parts, row, runId);
  await restart(parts, row);
}

/** Applies each signal once, by its key: one that the run or another reconciler has applied changes nothing. */
async function applyPendingSignals({ pool, temporal }: Parts, row: TaskRow, runId: string): Promise<void> {
  for (const command of await temporal.listRunCommands(row, runId)) await commandFromOutside(pool, row, command);
}
