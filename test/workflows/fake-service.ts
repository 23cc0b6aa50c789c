import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, inject } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { COMMAND_RECORDED, type RecordedCommand, type WorkflowInput, workQueue } from '../../src/contract/messages.js';
import type { Action, Kind } from '../../src/contract/states.js';
import { FakeTask } from './fake-task.js';

/** A run of the real workflow on a real server, and the task that its activities pretend to work on. */
export interface FakeRun {
  task: FakeTask;
  handle: WorkflowHandle;
  /** Sends a signal as `temporal workflow signal` does. */
  signal(action: Action, argument?: object): Promise<void>;
  /** Gives a command as the API does: the task row first, then the signal that says "look". */
  api(action: Action): Promise<void>;
  /** Resolves to how the workflow has ended. */
  ended(): Promise<string>;
}

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** Workers with the bundle that is shipped, and activities that touch nothing. */
export class FakeService {
  readonly #taskQueue = `fake-${randomUUID()}`;
  readonly #tasks = new Map<string, FakeTask>();
  #client!: Client;
  #connection!: NativeConnection;
  #workers: Worker[] = [];
  #running: Promise<unknown> = Promise.resolve();

  async start(): Promise<void> {
    await this.connect();
    await this.work();
  }

  async connect(): Promise<void> {
    const address = inject('temporalAddress');
    this.#client = new Client({ connection: await Connection.connect({ address }) });
    this.#connection = await NativeConnection.connect({ address });
  }

  /** Starts the workers. */
  async work(): Promise<void> {
    const { control, work } = this.#activities();
    this.#workers = await Promise.all([
      this.#worker(this.#taskQueue, control),
      this.#worker(workQueue(this.#taskQueue), work),
    ]);
    this.#running = Promise.all(this.#workers.map((worker) => worker.run()));
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.shutdown();
    await this.#running;
    await this.#connection.close();
    await this.#client.connection.close();
  }

  /** Starts a workflow. `prepare` is given its task before. */
  async run(kind: Kind, prepare: (task: FakeTask) => void = () => {}): Promise<FakeRun> {
    const task = new FakeTask(randomUUID(), kind);
    this.#tasks.set(task.id, task);
    prepare(task);
    const input: WorkflowInput = { taskId: task.id, kind, ownSignal: true };
    const options = { workflowId: `${kind}/ana/${task.id}`, taskQueue: this.#taskQueue, args: [input] };
    const handle: WorkflowHandle = await this.#client.workflow.start(kind, options);
    const signal = (action: Action, argument?: object) =>
      argument ? handle.signal(action, argument) : handle.signal(action);
    const api = async (action: Action) => {
      if (task.command(action)) await handle.signal(COMMAND_RECORDED, { action } satisfies RecordedCommand);
    };
    return { task, handle, signal, api, ended: () => endOf(handle) };
  }

  #activities() {
    const byTask = (room: 'control' | 'work', name: string) => (input: { taskId: string }) => {
      const steps = this.#tasks.get(input.taskId)![room] as Record<string, (input: never) => Promise<object>>;
      return steps[name]!(input as never);
    };
    const { control, work } = new FakeTask('', 'upload');
    const named = (room: 'control' | 'work', names: string[]) =>
      Object.fromEntries(names.map((name) => [name, byTask(room, name)]));
    // It is given no task.
    const { requestCancel } = control;
    return {
      control: { ...named('control', Object.keys(control)), requestCancel },
      work: named('work', Object.keys(work)),
    };
  }

  #worker(taskQueue: string, activities: object): Promise<Worker> {
    return Worker.create({
      connection: this.#connection,
      taskQueue,
      activities,
      workflowBundle: { codePath: inProject('dist', 'workflow-bundle.js') },
      dataConverter: { payloadConverterPath: inProject('dist', 'src', 'workflows', 'payload-converter.cjs') },
      maxHeartbeatThrottleInterval: 50,
      defaultHeartbeatThrottleInterval: 50,
    });
  }
}

/**
 * Resolves to the state in which a workflow has ended, COMPLETED, FAILED or CANCELLED, and what it says of its task.
 */
async function endOf(handle: WorkflowHandle): Promise<string> {
  await handle.result().catch(() => {});
  return (await handle.describe()).status.name;
}

/** Workers for all tests of a file. */
export function useFakeService(): FakeService {
  const service = new FakeService();
  beforeAll(() => service.start(), 60_000);
  afterAll(() => service.stop(), 60_000);
  return service;
}

/** Waits for what a workflow does soon. */
export async function until(condition: () => boolean, milliseconds = 15_000): Promise<void> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(10)) if (condition()) return;
  throw new Error(`not so within ${milliseconds} ms: ${condition}`);
}
