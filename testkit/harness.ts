import { setTimeout as sleep } from 'node:timers/promises';
import { sendSignal } from '../launcher/pids.js';
import { freePort } from '../launcher/ports.js';
import { ALL_TABLES, addressesOf } from '../launcher/postgres-roles.js';
import type { Running } from '../launcher/processes.js';
import { type ServiceName, type ServiceProcessOptions, startServiceProcess } from '../launcher/service-process.js';
import { LongTaskClient } from '../src/client/client.js';

/** The servers that API and workers use, and a port and a folder of their own. */
export interface HarnessServers {
  /** Of a superuser; API and workers get the addresses of the lesser roles. */
  databaseUrl: string;
  temporalAddress: string;
  /** Where the API listens. */
  port: number;
  /** Their files. */
  dataDir: string;
  taskQueue?: string;
}

/** Another build, further flags of Node.js. */
export type ProcessVariant = Pick<ServiceProcessOptions, 'dist' | 'flags'>;

const TIMEOUT_MS = 40_000;
/** Waits are looked at less and less often: each look costs the service processor time, too. */
const LONGEST_LOOK_MS = 50;

/**
 * The service as it runs in production, API and workers as processes of their own, each of which can be started,
 * stopped, killed and frozen by itself. A subclass brings the servers.
 */
export abstract class ServiceHarness {
  api!: Running;
  /** Those that run. */
  workers: Running[] = [];
  /** The last one that was started. */
  worker!: Running;
  /** The lines that all of them have logged. */
  readonly log: string[] = [];
  readonly #plainWorkers = new WeakSet<Running>();

  /** Returns the servers as a process of this kind reaches them. */
  protected abstract serversFor(name: ServiceName): HarnessServers;

  get client(): LongTaskClient {
    return new LongTaskClient(`http://127.0.0.1:${this.serversFor('api').port}`);
  }

  /** Starts the API. Resolves when it reaches its servers. */
  async startApi(env: Record<string, string> = {}, variant: ProcessVariant = {}): Promise<void> {
    await this.launchApi(env, variant);
    await this.until(() => hasServers(this.client));
  }

  /** Resolves at once. */
  async launchApi(env: Record<string, string> = {}, variant: ProcessVariant = {}): Promise<void> {
    this.api = await this.#start('api', env, variant);
  }

  /** One more API, with a reconciler and a sweeper of its own. Resolves when it is ready. */
  async startSecondApi(): Promise<Running> {
    const port = await freePort();
    const api = await this.#start('api', { PORT: String(port) });
    await this.until(() => hasServers(new LongTaskClient(`http://127.0.0.1:${port}`)));
    return api;
  }

  /** Resolves when it polls, or has ended already. */
  async startWorker(env: Record<string, string> = {}, variant: ProcessVariant = {}): Promise<Running> {
    const worker = await this.launchWorker(env, variant);
    await this.until(() => !this.workers.includes(worker) || this.saw('worker started', worker.pid));
    return worker;
  }

  /** Resolves at once. */
  async launchWorker(env: Record<string, string> = {}, variant: ProcessVariant = {}): Promise<Running> {
    const worker = await this.#start('worker', env, variant);
    this.worker = worker;
    this.workers.push(worker);
    if (Object.keys({ ...env, ...variant }).length === 0) this.#plainWorkers.add(worker);
    void worker.exited.then((how) => {
      this.note(`worker ${worker.pid} ended: ${how}`);
      this.workers = this.workers.filter((other) => other !== worker);
    });
    return worker;
  }

  /** Whether exactly one worker runs, started without variables and flags of its own. */
  hasOnePlainWorker(): boolean {
    return this.workers.length === 1 && this.#plainWorkers.has(this.workers[0]!);
  }

  /** Whether this process has logged a line with these words. */
  saw(words: string, pid: number): boolean {
    return this.log.some((line) => line.includes(`"pid":${pid}`) && line.includes(words));
  }

  async kill(process: Running, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    sendSignal(process.pid, signal);
    await process.exited;
  }

  async killWorkers(): Promise<void> {
    await Promise.all(this.workers.map((worker) => this.kill(worker)));
  }

  /** Stops API and workers in order, frozen ones too. */
  async stopService(): Promise<void> {
    for (const { pid } of this.workers) sendSignal(pid, 'SIGCONT');
    await Promise.all([this.api, ...this.workers].map((process) => process?.stop()));
  }

  /** Fails when it is not so within the time, with the last lines of the log. */
  async until(condition: () => unknown | Promise<unknown>, milliseconds = TIMEOUT_MS): Promise<void> {
    const end = performance.now() + milliseconds;
    for (let pause = 5; performance.now() < end; pause = Math.min(1.5 * pause, LONGEST_LOOK_MS)) {
      if (await condition()) return;
      await sleep(pause);
    }
    throw new Error(`not so within ${milliseconds / 1000} s: ${condition}\n${this.log.slice(-15).join('\n')}`);
  }

  protected note(line: string): void {
    this.log.push(line);
  }

  #start(name: ServiceName, env: Record<string, string>, variant: ProcessVariant = {}): Promise<Running> {
    const { databaseUrl, temporalAddress, port, dataDir, taskQueue } = this.serversFor(name);
    const { app, exporter } = addressesOf(databaseUrl);
    return startServiceProcess(name, {
      ...variant,
      env: {
        ...process.env,
        DATABASE_URL: app,
        DATABASE_EXPORT_URL: exporter,
        DATABASE_ADMIN_URL: '',
        EXPORT_TABLES: ALL_TABLES,
        TEMPORAL_ADDRESS: temporalAddress,
        TEMPORAL_NAMESPACE: 'default',
        ...(taskQueue && { TASK_QUEUE: taskQueue }),
        HOST: '127.0.0.1',
        PORT: String(port),
        DATA_DIR: dataDir,
        LOG_LEVEL: 'info',
        NODE_ENV: 'test',
        ...env,
      },
      output: (line) => this.note(line),
    });
  }
}

/** Returns whether an API answers and reaches its servers; a worker need not run. */
async function hasServers(api: LongTaskClient): Promise<boolean> {
  try {
    const { postgres, temporal } = await api.ready();
    return postgres === 'up' && temporal === 'up';
  } catch {
    return false;
  }
}
