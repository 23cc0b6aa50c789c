import {
  ActivityCancellationType,
  type ActivityOptions,
  proxyActivities,
  proxyLocalActivities,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { workQueue } from '../contract/messages.js';
import { hasFewStepsPatch } from './few-steps-patch.js';

/**
 * How long a worker may be silent before the server gives its activity to another one. After a `kill -9` the next batch
 * then commits within 15 s. A busy machine delays heartbeats by far less.
 */
const HEARTBEAT_TIMEOUT = '8s';

const OPTIONS: ActivityOptions = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  // The SDK's real default is TRY_CANCEL, which would continue while the old attempt still writes.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // No schedule-to-close timeout: activities outlast an outage of PostgreSQL of any length.
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '5s' },
};

/** Returns the work activities, which may take days, on a queue of their own. Works only inside a workflow. */
export function workActivities() {
  const taskQueue = workQueue(workflowInfo().taskQueue);
  return proxyActivities<Activities>({ ...OPTIONS, taskQueue, startToCloseTimeout: '30 days' });
}

/** The control activities, which are short. */
export const control = proxyActivities<Activities>({ ...OPTIONS, startToCloseTimeout: '2 minutes' });

/**
 * Below the 3 s of a workflow task (src/temporal/start-options.ts): the task waits for its local activities, and
 * signals wait for the task.
 */
const LOCAL_TIMEOUT = '2s';

const local = proxyLocalActivities<Activities>({
  startToCloseTimeout: LOCAL_TIMEOUT,
  scheduleToCloseTimeout: LOCAL_TIMEOUT,
  retry: { initialInterval: '100ms', maximumAttempts: 3 },
});

type ShortStep = 'settle' | 'applyCommands' | 'recordFault';

/**
 * Runs a short control step as a local activity: in the workflow's own worker, without a trip to the server. If it
 * fails (an outage, a held lock), runs it as a regular activity. The server retries that without a limit and without
 * further events in the history, and signals reach the workflow meanwhile.
 */
export async function runShort<S extends ShortStep>(
  step: S,
  summary: string,
  input: Parameters<Activities[S]>[0],
): Promise<Awaited<ReturnType<Activities[S]>>> {
  type Step = (input: unknown) => Promise<Awaited<ReturnType<Activities[S]>>>;
  type Steps = Record<
    ShortStep,
    { executeWithOptions(options: { summary: string }, args: [unknown]): ReturnType<Step> }
  >;
  if (hasFewStepsPatch()) {
    try {
      return await (local as unknown as Steps)[step].executeWithOptions({ summary }, [input]);
    } catch (error) {
      // Not an ActivityFailure: for a local activity the SDK throws the failure itself.
      if (!(error instanceof TemporalFailure)) throw error;
    }
  }
  return (control as unknown as Steps)[step].executeWithOptions({ summary }, [input]);
}

/** The activities of a rollback. After five failed attempts the workflow reports the failure and starts them again. */
export const compensation = proxyActivities<Activities>({
  ...OPTIONS,
  startToCloseTimeout: '10 minutes',
  retry: { ...OPTIONS.retry, maximumAttempts: 5 },
});
