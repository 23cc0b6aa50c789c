import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { type Dependencies, HEARTBEAT_MS } from '../activities/context.js';
import { type Activities, createActivities } from '../activities/index.js';

export interface CreateWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  dependencies: Dependencies;
  /** How many parts of one task are worked on at once. */
  window: number;
  /** How many activities run at once: each holds at most one database connection for longer than a moment. */
  slots: number;
}

/** How payloads are read, here and in the bundle. */
const PAYLOAD_CONVERTER = fileURLToPath(new URL('../workflows/payload-converter.cjs', import.meta.url));

/** The bundle that the build makes: a worker that bundles at start needs 80 MB more. */
const BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

/** Joins workflows and activities to a task queue. */
export async function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  const activities: Activities = createActivities(options.dependencies, { window: options.window });
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    activities,
    dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER },
    ...workflowCode(),
    // A cancel comes back with the answer to a heartbeat: this is how soon a sleeping or waiting activity learns of it.
    maxHeartbeatThrottleInterval: HEARTBEAT_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_MS,
    maxConcurrentActivityTaskExecutions: options.slots,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxCachedWorkflows: 200,
    // After a kill the server first offers the workflow to the dead worker's cache, for this long (default 10 s); replay is cheap.
    stickyQueueScheduleToStartTimeout: '1s',
    // Long enough to finish the batch in hand; what is left is told WORKER_SHUTDOWN and goes on elsewhere.
    shutdownGraceTime: '1s',
    shutdownForceTime: '8s',
  });
}

function workflowCode(): { workflowBundle: WorkflowBundleOption } | { workflowsPath: string } {
  if (existsSync(BUNDLE)) return { workflowBundle: { codePath: BUNDLE } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)) };
}
