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
import { takesFewSteps } from './few-steps.js';

/**
 * How long a worker may be silent before its activity is given to another one: the time lost to a `kill -9`, chosen so
 * that the next batch commits within 15 s, and far above what a busy machine keeps a heartbeat waiting.
 */
const HEARTBEAT_TIMEOUT = '8s';

const OPTIONS: ActivityOptions = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  // The SDK's real default is TRY_CANCEL, which would continue while the old attempt still writes.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // No schedule-to-close: an outage of PostgreSQL, however long, is waited for.
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '5s' },
};

/** The work itself, which may take days, on a queue of its own. For the steps of a workflow that runs. */
export function workActivities() {
  const taskQueue = workQueue(workflowInfo().taskQueue);
  return proxyActivities<Activities>({ ...OPTIONS, taskQueue, startToCloseTimeout: '30 days' });
}

/** The short ones. */
export const control = proxyActivities<Activities>({ ...OPTIONS, startToCloseTimeout: '2 minutes' });

/**
 * A workflow task waits for its local activities, and signals wait for the workflow task: within its 3 seconds
 * (src/temporal/temporal.ts).
 */
const LOCAL_TIMEOUT = '2s';

const local = proxyLocalActivities<Activities>({
  startToCloseTimeout: LOCAL_TIMEOUT,
  scheduleToCloseTimeout: LOCAL_TIMEOUT,
  retry: { initialInterval: '100ms', maximumAttempts: 3 },
});

type ShortStep = 'settle' | 'applyCommands' | 'recordFault';

/**
 * Runs a short control step as a local activity: in the worker that has the workflow in its hands, without a way
 * through the server. One that does not succeed soon (an outage, a lock that is held) is given to the server, which
 * tries it again without a limit and without an event in the history; a signal is heard meanwhile.
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
  if (takesFewSteps()) {
    try {
      return await (local as unknown as Steps)[step].executeWithOptions({ summary }, [input]);
    } catch (error) {
      // Not an ActivityFailure: of a local activity the SDK hands on the failure itself.
      if (!(error instanceof TemporalFailure)) throw error;
    }
  }
  return (control as unknown as Steps)[step].executeWithOptions({ summary }, [input]);
}

/** Reports a rollback that does not succeed for a while; it then starts again. */
export const compensation = proxyActivities<Activities>({
  ...OPTIONS,
  startToCloseTimeout: '10 minutes',
  retry: { ...OPTIONS.retry, maximumAttempts: 5 },
});
