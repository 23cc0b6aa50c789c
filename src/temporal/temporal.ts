import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { cutToBytes } from '../contract/cut-to-bytes.js';
import { TaskError } from '../contract/errors.js';
import { COMMAND_RECORDED, type RecordedCommand, type WorkflowInput } from '../contract/messages.js';
import { KIND_ATTRIBUTE, NAME_ATTRIBUTE, STATE_ATTRIBUTE, USER_ATTRIBUTE } from '../contract/search-attributes.js';
import type { TaskRow } from '../tasks/tasks.js';
import { openRun, type Run } from './open-run.js';
import { listRunCommands, type RunCommand } from './run-commands.js';
import { describeWorkflow, unpauseNatively, type WorkflowStatus } from './workflow-status.js';

/** The service's calls to Temporal. Each ends within its deadline. */
export interface TemporalGateway {
  /**
   * Starts the task's workflow; nothing happens when it runs.
   * @throws {WorkflowClosedError} when one of its id has run and ended; {OtherRunError} when that of another task runs
   * @throws {TaskError} temporal_unavailable
   */
  startWorkflow(row: TaskRow): Promise<void>;
  /**
   * Notifies the workflow of a command that was recorded.
   * @throws {WorkflowClosedError} when none of that id runs; {TaskError} temporal_unavailable
   */
  signalWorkflow(row: TaskRow, command: RecordedCommand): Promise<void>;
  /**
   * Starts a workflow for a task although one of its id has ended; nothing happens when the task's own runs.
   * @throws {OtherRunError} when that of another task runs; {TaskError} temporal_unavailable
   */
  restartWorkflow(row: TaskRow): Promise<void>;
  /**
   * Terminates a run of the task's workflow natively; does nothing when it has ended.
   * @throws {TaskError} temporal_unavailable
   */
  endWorkflow(row: TaskRow, runId: string, reason: string): Promise<void>;
  /**
   * Lists the commands that a run of the task got from outside, in order; none for a run of another task.
   * @throws {TaskError} temporal_unavailable
   */
  listRunCommands(row: TaskRow, runId: string): Promise<RunCommand[]>;
  /** @throws {TaskError} temporal_unavailable */
  describeWorkflow(row: TaskRow): Promise<WorkflowStatus>;
  /** Unpauses workflow and activities that were paused natively. @throws {TaskError} temporal_unavailable */
  unpauseNatively(row: TaskRow): Promise<void>;
  /** @throws when Temporal does not answer within a second, or has no such namespace */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** No workflow of that id runs: it was never started, or it has ended. */
export class WorkflowClosedError extends Error {
  override readonly name = 'WorkflowClosedError';
}

/** A run of another task holds the workflow id: of the one that had the name before, or of an unknown one. */
export class OtherRunError extends Error {
  override readonly name = 'OtherRunError';

  constructor(readonly run: Run) {
    super('a run of another task holds the workflow id');
  }
}

const CALL_MS = 3_000;
const CHECK_MS = 1_000;
/** The deadline for all pages of a history, which may have ten thousand events. */
const HISTORY_MS = 15_000;

/** One lazy connection per process: it is made by the first call and heals by itself. */
export function connectTemporal(
  config: Pick<Config, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TASK_QUEUE'>,
): TemporalGateway {
  // TLS, API key and metadata come from the SDK's own variables and file.
  const { connectionOptions } = loadClientConnectConfig();
  let isClosing = false;
  // Never `ensureConnected()` on a lazy connection: its first failure is kept for ever.
  const connection = Connection.lazy({
    ...(connectionOptions as object),
    address: config.TEMPORAL_ADDRESS,
    interceptors: [makeGrpcRetryInterceptor(retryOptions(() => isClosing))],
  });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const underway = new Set<Promise<unknown>>();
  const call = <T>(ms: number, body: () => Promise<T>) =>
    within(ms, () => {
      const calling = connection.withDeadline(Date.now() + ms, body);
      underway.add(calling);
      return calling.finally(() => underway.delete(calling));
    });
  const start = (row: TaskRow, reuse: WorkflowIdReusePolicy) => {
    const attempt = async ([attributes, ...fewer]: Attributes[]): Promise<unknown> => {
      const options = startOptions(row, config.TASK_QUEUE, attributes!);
      const started = call(CALL_MS, () =>
        client.workflow.start(row.kind, { ...options, workflowIdReusePolicy: reuse }),
      );
      return started.catch((error: unknown) => {
        if (fewer.length > 0 && isUnknownAttribute(error)) return attempt(fewer);
        throw error;
      });
    };
    return attempt(['all', 'without state', 'none']).catch((error: unknown) => acceptOwnRun(row, error));
  };
  /** Accepts an open run only if it is the task's own. USE_EXISTING would also accept that of an earlier task. */
  const acceptOwnRun = async (row: TaskRow, error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const run = await call(CALL_MS, () => openRun(client, row.workflow_id));
    if (!run) throw error;
    if (run.taskId !== row.id) throw new OtherRunError(run);
  };
  const translated = async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      throw translate(error);
    }
  };

  return {
    startWorkflow: (row) => translated(() => start(row, WorkflowIdReusePolicy.REJECT_DUPLICATE)).then(() => {}),
    restartWorkflow: (row) => translated(() => start(row, WorkflowIdReusePolicy.ALLOW_DUPLICATE)).then(() => {}),
    signalWorkflow: (row, command) =>
      translated(() =>
        call(CALL_MS, () => client.workflow.getHandle(row.workflow_id).signal(COMMAND_RECORDED, command)),
      ),
    endWorkflow: async (row, runId, reason) => {
      const end = () => client.workflow.getHandle(row.workflow_id, runId).terminate(reason);
      await translated(() => call(CALL_MS, end)).catch((error: unknown) => {
        if (!(error instanceof WorkflowClosedError)) throw error;
      });
    },
    describeWorkflow: (row) => translated(() => call(CALL_MS, () => describeWorkflow(client, row))),
    listRunCommands: (row, runId) => translated(() => call(HISTORY_MS, () => listRunCommands(client, row, runId))),
    unpauseNatively: (row) => translated(() => call(CALL_MS, () => unpauseNatively(client, row))),
    check: async () => {
      const { TEMPORAL_NAMESPACE: namespace } = config;
      await call(CHECK_MS, () => connection.workflowService.describeNamespace({ namespace }));
    },
    close: async () => {
      isClosing = true;
      // On a closed connection the SDK's next attempt of a call would throw from a timer, where it cannot be caught.
      await Promise.race([Promise.allSettled(underway), sleep(CALL_MS, undefined, { ref: false })]);
      await connection.close();
    },
  };
}

/**
 * The gRPC status of a busy server, which is not retried: the SDK would wait at least 1.7 s under any deadline. A
 * concurrent query gets it too.
 */
const RESOURCE_EXHAUSTED = 8;

/** The longest pause between attempts: with deadlines of a few seconds a longer one would only delay `close`. */
const RETRY_MS = 500;

function retryOptions(isClosing: () => boolean) {
  const usual = defaultGrpcRetryOptions();
  const delayFunction: typeof usual.delayFunction = (attempt, status) =>
    Math.min(usual.delayFunction(attempt, status), RETRY_MS);
  const retryableDecider: typeof usual.retryableDecider = (attempt, status) =>
    !isClosing() && status.code !== RESOURCE_EXHAUSTED && usual.retryableDecider(attempt, status);
  return { delayFunction, retryableDecider };
}

/** The SDK's deadline does not cover the pauses between its attempts; this one covers all. */
async function within<T>(ms: number, body: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable()), ms + 50);
  });
  return Promise.race([body(), late]).finally(() => clearTimeout(timer));
}

/** Which search attributes a start carries: a server refuses those that it does not know. */
type Attributes = 'all' | 'without state' | 'none';

function startOptions(row: TaskRow, taskQueue: string, attributes: Attributes) {
  const input: WorkflowInput = { taskId: row.id, kind: row.kind, ownSignal: true };
  return {
    workflowId: row.workflow_id,
    taskQueue,
    args: [input],
    // How long the server waits for a workflow task of a killed worker (default 10 s). A task takes milliseconds.
    workflowTaskTimeout: '3s' as const,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    // Names of user and task only: the file's name, like all that is in it, stays in PostgreSQL.
    staticSummary: cutToBytes(`${row.kind} ${row.task_name} of ${row.user_id}`, 200),
    staticDetails: `Task **${row.task_name}** of user **${row.user_id}**. Control it by the signals \`pause\`, \`resume\` and \`terminate\`.`,
    priority: { fairnessKey: cutToBytes(row.user_id, 64) },
    ...(attributes !== 'none' && {
      typedSearchAttributes: [
        { key: USER_ATTRIBUTE, value: row.user_id },
        { key: KIND_ATTRIBUTE, value: row.kind },
        { key: NAME_ATTRIBUTE, value: row.task_name },
        // The workflow keeps it true only where the start carried it.
        ...(attributes === 'all' ? [{ key: STATE_ATTRIBUTE, value: row.state }] : []),
      ],
    }),
  };
}

/**
 * A server without the registered search attributes refuses the start; they only help to find the workflow in the Web
 * UI.
 */
function isUnknownAttribute(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: number; details?: string } };
  return cause?.code === 3 && /search attribute/i.test(cause.details ?? '');
}

/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE (grpc.io, status codes). */
const OUTAGES = [1, 4, RESOURCE_EXHAUSTED, 14];

function translate(error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError) {
    return new WorkflowClosedError('no workflow of that id runs', { cause: error });
  }
  const { cause } = error as Error;
  const code = isGrpcServiceError(error) ? error.code : isGrpcServiceError(cause) ? cause.code : undefined;
  // Any other code is about this call alone, not an outage.
  return code !== undefined && OUTAGES.includes(code) ? unavailable(error) : error;
}

function unavailable(cause?: unknown): TaskError {
  return new TaskError('temporal_unavailable', 'Temporal cannot be reached.', { retry_after: 2 }, { cause });
}
