import { ActivityCancellationType, type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { workQueue } from '../contract/messages.js';

/**
 * How long a worker may be silent before its activity is given to another one: the time lost to a `kill -9`, chosen so that
 * the next batch commits within 15 s, and far above what a busy machine keeps a heartbeat waiting.
 */
const HEARTBEAT_TIMEOUT = '8s';

const OPTIONS: ActivityOptions = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  // The SDK's real default is TRY_CANCEL, which would go on while the old attempt still writes.
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

/** The rollback says so when it does not succeed for a while, and is then begun anew. */
export const compensation = proxyActivities<Activities>({
  ...OPTIONS,
  startToCloseTimeout: '10 minutes',
  retry: { ...OPTIONS.retry, maximumAttempts: 5 },
});
