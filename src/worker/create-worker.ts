import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type NativeConnection, Worker, type WorkerOptions, type WorkflowBundleOption } from '@temporalio/worker';
import { type Dependencies, HEARTBEAT_MS } from '../activities/context.js';
import { type Activities, createActivities } from '../activities/index.js';
import { workQueue } from '../contract/messages.js';

export interface CreateWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  dependencies: Dependencies;
  /** How many parts of one task are worked on at once. */
  window: number;
  /** How many steps that work may be accepted here, working or waiting; control steps have slots of their own. */
  slots: number;
}

/** Slots for control steps, each of which takes milliseconds, a removal at most seconds. */
const CONTROL_SLOTS = 60;
/** Pollers of each queue; more only make the server work. */
const POLLS = 5;

/** How payloads are read, here and in the bundle. */
const PAYLOAD_CONVERTER = fileURLToPath(new URL('../workflows/payload-converter.cjs', import.meta.url));

/** The bundle that the build makes: a worker that bundles at start needs 80 MB more. */
const BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

/**
 * The two workers of this process: of the task queue, for workflows and control steps, and of its queue for the work.
 */
export async function createWorkers(options: CreateWorkerOptions): Promise<Worker[]> {
  const activities = createActivities(options.dependencies, { window: options.window });
  const { taskQueue, slots } = options;
  return Promise.all([
    // Also the steps that work: workflows of earlier versions have scheduled theirs here.
    createWorker(options, { taskQueue, activities, slots: CONTROL_SLOTS + slots, ...workflowCode() }),
    createWorker(options, { taskQueue: workQueue(taskQueue), activities: worksOf(activities), slots }),
  ]);
}

/** Returns the work activities alone, so that a control step never waits for work. */
function worksOf(activities: Activities): Partial<Activities> {
  const { beginUpload, beginDownload, inspect, prepare, loadPart, publish, plan, dumpPart, assemble } = activities;
  return { beginUpload, beginDownload, inspect, prepare, loadPart, publish, plan, dumpPart, assemble };
}

type QueueOptions = Pick<WorkerOptions, 'taskQueue' | 'workflowBundle' | 'workflowsPath'> & {
  activities: Partial<Activities>;
  slots: number;
};

function createWorker({ connection, namespace }: CreateWorkerOptions, queue: QueueOptions): Promise<Worker> {
  const { slots, ...rest } = queue;
  return Worker.create({
    ...rest,
    connection,
    namespace,
    dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER },
    // A cancel comes back with the answer to a heartbeat: this is how soon a sleeping or waiting activity learns of it.
    maxHeartbeatThrottleInterval: HEARTBEAT_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_MS,
    maxConcurrentActivityTaskExecutions: slots,
    // Control steps, too: those that a workflow takes without a way through the server.
    maxConcurrentLocalActivityExecutions: CONTROL_SLOTS,
    maxConcurrentActivityTaskPolls: POLLS,
    maxConcurrentWorkflowTaskExecutions: 20,
    // More than run at once on one machine; each takes some 100 kB, and one that was evicted is replayed from its short
    // history.
    maxCachedWorkflows: 30,
    // After a kill the server first offers the workflow to the dead worker's cache, for this long (default 10 s);
    // replay is cheap.
    stickyQueueScheduleToStartTimeout: '1s',
    // Long enough to finish the current batch. Other work gets WORKER_SHUTDOWN and continues on another worker.
    shutdownGraceTime: '1s',
    shutdownForceTime: '8s',
  });
}

function workflowCode(): { workflowBundle: WorkflowBundleOption } | { workflowsPath: string } {
  if (existsSync(BUNDLE)) return { workflowBundle: { codePath: BUNDLE } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)) };
}
