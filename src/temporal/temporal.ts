import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { Config } from '../config.js';
import { COMMAND_RECORDED, type RecordedCommand } from '../contract/messages.js';
import type { TaskRow } from '../tasks/tasks.js';
import { CALL_MS, RESOURCE_EXHAUSTED, TemporalConnection, unavailable } from './connection.js';
import { openRun, type Run } from './open-run.js';
import { listRunCommands, type RunCommand } from './run-commands.js';
import { type Attributes, isUnknownAttribute, startOptions } from './start-options.js';
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

const CHECK_MS = 1_000;
/** The deadline for all pages of a history, which may have ten thousand events. */
const HISTORY_MS = 15_000;

type Settings = Pick<Config, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TASK_QUEUE'>;

/** Returns the calls over one lazy connection, which is made by the first of them. One per process. */
export function connectTemporal(settings: Settings): TemporalGateway {
  return new Gateway(settings);
}

class Gateway implements TemporalGateway {
  readonly #connection: TemporalConnection;
  readonly #namespace: string;
  readonly #taskQueue: string;

  constructor(settings: Settings) {
    this.#connection = new TemporalConnection(settings);
    this.#namespace = settings.TEMPORAL_NAMESPACE;
    this.#taskQueue = settings.TASK_QUEUE;
  }

  startWorkflow(row: TaskRow): Promise<void> {
    return this.#start(row, WorkflowIdReusePolicy.REJECT_DUPLICATE);
  }

  restartWorkflow(row: TaskRow): Promise<void> {
    return this.#start(row, WorkflowIdReusePolicy.ALLOW_DUPLICATE);
  }

  signalWorkflow(row: TaskRow, command: RecordedCommand): Promise<void> {
    return this.#call((client) => client.workflow.getHandle(row.workflow_id).signal(COMMAND_RECORDED, command));
  }

  async endWorkflow(row: TaskRow, runId: string, reason: string): Promise<void> {
    try {
      await this.#call((client) => client.workflow.getHandle(row.workflow_id, runId).terminate(reason));
    } catch (error) {
      if (!(error instanceof WorkflowClosedError)) throw error;
    }
  }

  listRunCommands(row: TaskRow, runId: string): Promise<RunCommand[]> {
    return this.#call((client) => listRunCommands(client, row, runId), HISTORY_MS);
  }

  describeWorkflow(row: TaskRow): Promise<WorkflowStatus> {
    return this.#call((client) => describeWorkflow(client, row));
  }

  unpauseNatively(row: TaskRow): Promise<void> {
    return this.#call((client) => unpauseNatively(client, row));
  }

  async check(): Promise<void> {
    const namespace = this.#namespace;
    await this.#connection.call(CHECK_MS, ({ workflowService }) => workflowService.describeNamespace({ namespace }));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #start(row: TaskRow, reuse: WorkflowIdReusePolicy): Promise<void> {
    try {
      await this.#startWith(['all', 'without state', 'none'], row, reuse);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw translate(error);
      await this.#acceptOwnRun(row, error);
    }
  }

  /** @throws what the SDK throws */
  async #startWith([attributes, ...fewer]: Attributes[], row: TaskRow, reuse: WorkflowIdReusePolicy): Promise<void> {
    const options = { ...startOptions(row, this.#taskQueue, attributes!), workflowIdReusePolicy: reuse };
    try {
      await this.#connection.call(CALL_MS, (client) => client.workflow.start(row.kind, options));
    } catch (error) {
      if (fewer.length === 0 || !isUnknownAttribute(error)) throw error;
      await this.#startWith(fewer, row, reuse);
    }
  }

  /** Accepts an open run only if it is the task's own. USE_EXISTING would also accept that of an earlier task. */
  async #acceptOwnRun(row: TaskRow, refusal: WorkflowExecutionAlreadyStartedError): Promise<void> {
    const run = await this.#call((client) => openRun(client, row.workflow_id));
    if (!run) throw translate(refusal);
    if (run.taskId !== row.id) throw new OtherRunError(run);
  }

  async #call<T>(body: (client: Client) => Promise<T>, ms = CALL_MS): Promise<T> {
    try {
      return await this.#connection.call(ms, body);
    } catch (error) {
      throw translate(error);
    }
  }
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
