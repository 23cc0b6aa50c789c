import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { connectTemporal, type TemporalGateway } from '../../src/temporal/temporal.js';

/** A port without a listener. */
export const NOWHERE = '127.0.0.1:1';

/** grpc.io, status codes. */
const NOT_FOUND = 5;

/**
 * The real server, which can be out of reach. No worker polls the task queue of these tests: a workflow
 * keeps its signals in its history and makes no progress.
 */
export class TestTemporal {
  away = false;
  readonly gateway: TemporalGateway;

  private constructor(
    readonly client: Client,
    address: string,
  ) {
    const connect = (to: string) =>
      connectTemporal({ TEMPORAL_ADDRESS: to, TEMPORAL_NAMESPACE: 'default', TASK_QUEUE: 'nobody' });
    const [there, nowhere] = [connect(address), connect(NOWHERE)];
    const now = () => (this.away ? nowhere : there);
    this.gateway = {
      startWorkflow: (row) => now().startWorkflow(row),
      restartWorkflow: (row) => now().restartWorkflow(row),
      signalWorkflow: (row, command) => now().signalWorkflow(row, command),
      endWorkflow: (row, runId, reason) => now().endWorkflow(row, runId, reason),
      listRunCommands: (row, runId) => now().listRunCommands(row, runId),
      describeWorkflow: (row) => now().describeWorkflow(row),
      unpauseNatively: (row) => now().unpauseNatively(row),
      check: () => now().check(),
      close: async () => {
        await Promise.all([there.close(), nowhere.close(), client.connection.close()]);
      },
    };
  }

  static async connect(address: string): Promise<TestTemporal> {
    return new TestTemporal(new Client({ connection: await Connection.connect({ address }) }), address);
  }

  /**
   * Returns the start and signals of the last workflow of this id, in order, such as `commandRecorded
   * {"action":"pause"}`.
   */
  async received(workflowId: string): Promise<string[]> {
    const history = await this.client.workflow
      .getHandle(workflowId)
      .fetchHistory()
      .catch((error: unknown) => {
        if (isGrpcServiceError(error) && error.code === NOT_FOUND) return { events: [] };
        throw error;
      });
    return (history.events ?? []).flatMap((event) => {
      if (event.workflowExecutionStartedEventAttributes) return ['start'];
      const { signalName, input } = event.workflowExecutionSignaledEventAttributes ?? {};
      const [payload] = input?.payloads ?? [];
      return signalName && payload
        ? [`${signalName} ${JSON.stringify(defaultPayloadConverter.fromPayload(payload))}`]
        : [];
    });
  }

  /** Completes a workflow task without a command: the workflow has seen its signals and applied none of them. */
  async step(workflowId: string): Promise<void> {
    const { workflowService } = this.client;
    const queue = { namespace: 'default', taskQueue: { name: 'nobody' } };
    for (;;) {
      const poll = () => workflowService.pollWorkflowTaskQueue(queue);
      const task = await this.client.connection.withDeadline(Date.now() + 20_000, poll);
      await workflowService.respondWorkflowTaskCompleted({ namespace: 'default', taskToken: task.taskToken });
      if (task.workflowExecution?.workflowId === workflowId) return;
    }
  }

  /** Ends a workflow as an operator does directly in Temporal. */
  async end(workflowId: string): Promise<void> {
    await this.client.workflow.getHandle(workflowId).terminate();
  }
}
