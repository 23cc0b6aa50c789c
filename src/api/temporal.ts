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
import { defineSearchAttributeKey } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { cutToBytes } from '../contract/cut-to-bytes.js';
import { TaskError } from '../contract/errors.js';
import type { CommandSignalInput, WorkflowInput } from '../contract/messages.js';
import type { Action } from '../contract/states.js';
import type { TaskRow } from '../postgres/tasks.js';
import { listRunCommands, type RunCommand } from './run-commands.js';
import { describeWorkflow, liftNativePauses, type WorkflowSight } from './temporal-sight.js';

/** What the API asks of Temporal. Every call ends within its deadline. */
export interface TemporalGateway {
  /**
   * Starts the task's workflow; nothing happens when it runs.
   * @throws {WorkflowClosedError} when it has run and ended
   * @throws {TaskError} temporal_unavailable
   */
  startWorkflow(row: TaskRow): Promise<void>;
  /** @throws {WorkflowClosedError} when none of that id runs; {TaskError} temporal_unavailable */
  signalWorkflow(row: TaskRow, action: Action, input: CommandSignalInput): Promise<void>;
  /**
   * Starts a workflow anew for a task whose last one has ended before it; nothing happens when one runs.
   * @throws {TaskError} temporal_unavailable
   */
  restartWorkflow(row: TaskRow): Promise<void>;
  /** Ends a run of the task's workflow without a word to it; nothing happens when it has ended. @throws {TaskError} temporal_unavailable */
  endWorkflow(row: TaskRow, runId: string, reason: string): Promise<void>;
  /** What a run was told from outside, in order. @throws {TaskError} temporal_unavailable */
  listRunCommands(row: TaskRow, runId: string): Promise<RunCommand[]>;
  /** @throws {TaskError} temporal_unavailable */
  describeWorkflow(row: TaskRow): Promise<WorkflowSight>;
  /** Lifts native pauses, of the workflow or its activities. @throws {TaskError} temporal_unavailable */
  liftNativePauses(row: TaskRow): Promise<void>;
  /** @throws when Temporal does not answer within a second, or has no such namespace */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** No workflow of that id runs: it was never started, or it has ended. */
export class WorkflowClosedError extends Error {
  override readonly name = 'WorkflowClosedError';
}

const CALL_MS = 3_000;
const CHECK_MS = 1_000;
/** Page after page of what may be ten thousand events. */
const HISTORY_MS = 15_000;

const USER = defineSearchAttributeKey('LongTaskUser', 'KEYWORD');
const KIND = defineSearchAttributeKey('LongTaskKind', 'KEYWORD');
const NAME = defineSearchAttributeKey('LongTaskName', 'KEYWORD');

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
    const attempt = (withAttributes: boolean) => {
      const options = startOptions(row, config.TASK_QUEUE, withAttributes);
      return call(CALL_MS, () => client.workflow.start(row.kind, { ...options, workflowIdReusePolicy: reuse }));
    };
    return attempt(true).catch((error: unknown) =>
      isUnknownAttribute(error) ? attempt(false) : Promise.reject(error),
    );
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
    signalWorkflow: (row, action, input) =>
      translated(() => call(CALL_MS, () => client.workflow.getHandle(row.workflow_id).signal(action, input))),
    endWorkflow: async (row, runId, reason) => {
      const end = () => client.workflow.getHandle(row.workflow_id, runId).terminate(reason);
      await translated(() => call(CALL_MS, end)).catch((error: unknown) => {
        if (!(error instanceof WorkflowClosedError)) throw error;
      });
    },
    describeWorkflow: (row) => translated(() => call(CALL_MS, () => describeWorkflow(client, row.workflow_id))),
    listRunCommands: ({ workflow_id: workflowId }, runId) =>
      translated(() => call(HISTORY_MS, () => listRunCommands(client, { workflowId, runId }))),
    liftNativePauses: (row) => translated(() => call(CALL_MS, () => liftNativePauses(client, row.workflow_id))),
    check: async () => {
      const { TEMPORAL_NAMESPACE: namespace } = config;
      await call(CHECK_MS, () => connection.workflowService.describeNamespace({ namespace }));
    },
    close: async () => {
      isClosing = true;
      // The SDK's next attempt of a call would throw out of a timer when it finds the connection closed.
      await Promise.race([Promise.allSettled(underway), sleep(CALL_MS, undefined, { ref: false })]);
      await connection.close();
    },
  };
}

/** The server is busy: the SDK would wait 1.7 s and more, whatever the deadline. A query that meets another one gets this, too. */
const RESOURCE_EXHAUSTED = 8;

/** Calls have a deadline of a few seconds, so that longer pauses between their attempts would only keep a close waiting. */
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

function startOptions(row: TaskRow, taskQueue: string, withAttributes: boolean) {
  const input: WorkflowInput = { taskId: row.id, kind: row.kind };
  const what = row.kind === 'upload' ? (row.source?.filename ?? 'a file') : (row.options.table ?? 'a table');
  return {
    workflowId: row.workflow_id,
    taskQueue,
    args: [input],
    // A worker that is killed while it handles a workflow task is waited for so long (default 10 s); a task takes milliseconds.
    workflowTaskTimeout: '3s' as const,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: cutToBytes(`${row.kind} of ${what} for ${row.user_id}`, 200),
    staticDetails: `Task **${row.task_name}** of user **${row.user_id}**. Steer it by the signals \`pause\`, \`resume\` and \`terminate\`.`,
    priority: { fairnessKey: cutToBytes(row.user_id, 64) },
    ...(withAttributes && {
      typedSearchAttributes: [
        { key: USER, value: row.user_id },
        { key: KIND, value: row.kind },
        { key: NAME, value: row.task_name },
      ],
    }),
  };
}

/** A server on which nobody registered the search attributes refuses the start; they only help to find it in the Web UI. */
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
  // Anything else is about this one call, and the others need not wait for it.
  return code !== undefined && OUTAGES.includes(code) ? unavailable(error) : error;
}

function unavailable(cause?: unknown): TaskError {
  return new TaskError('temporal_unavailable', 'Temporal cannot be reached.', { retry_after: 2 }, { cause });
}
