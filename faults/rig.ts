import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { inProject } from '../launcher/paths.js';
import { sendSignal } from '../launcher/pids.js';
import { freePort } from '../launcher/ports.js';
import { ALL_TABLES, addressesOf, prepareOpenDatabase } from '../launcher/postgres-roles.js';
import { type PostgresServer, startPostgres } from '../launcher/postgres-server.js';
import { type Running, startProcess } from '../launcher/processes.js';
import { findTemporalCli } from '../launcher/temporal-cli.js';
import { startTemporal, type TemporalServer } from '../launcher/temporal-server.js';
import { LongTaskClient } from '../src/client/client.js';
import { TcpProxy } from './proxy.js';

/** A small server comes back from a crash in a second; what is answered is on the disk, as by default. */
const SETTINGS = { shared_buffers: '64MB', max_wal_size: '512MB', max_connections: '150' };
const PATIENCE_MS = 40_000;

/** How a part is run otherwise than usual. */
export interface PartOptions {
  /** The build that is run, in place of the project's. */
  dist?: string;
  /** Flags of Node.js. */
  flags?: string[];
}

/**
 * The service with its servers, each part a process of its own that can be started, stopped, killed and frozen by
 * itself. Workers reach PostgreSQL, and workers and API reach Temporal, through proxies; who looks on from here does
 * not.
 */
export class Rig {
  postgres!: PostgresServer;
  temporalServer!: TemporalServer;
  toPostgres!: TcpProxy;
  toTemporal!: TcpProxy;
  api!: Running;
  workers: Running[] = [];
  client!: LongTaskClient;
  db!: pg.Pool;
  temporal!: Client;
  readonly log: string[] = [];
  #cli!: string;
  #ports!: { postgres: number; temporal: number; api: number };
  #closing: Promise<void> | undefined;

  private constructor(readonly folder: string) {}

  /** Resolves when everything runs, with one worker. */
  static async open(log: (message: string) => void): Promise<Rig> {
    const rig = new Rig(await mkdtemp(path.join(os.tmpdir(), 'long-task-faults-')));
    try {
      rig.#cli = await findTemporalCli({ log });
      rig.#ports = { postgres: await freePort(), temporal: await freePort(), api: await freePort() };
      await mkdir(rig.service.filesDir, { recursive: true, mode: 0o700 });
      await Promise.all([rig.startPostgres(), rig.startTemporal()]);
      rig.toPostgres = await TcpProxy.open(rig.#ports.postgres);
      rig.toTemporal = await TcpProxy.open(rig.#ports.temporal);
      rig.db = new pg.Pool({ connectionString: rig.postgres.url, max: 8, application_name: 'faults' });
      rig.db.on('error', () => {});
      const address = rig.temporalServer.address;
      rig.temporal = new Client({ connection: await Connection.connect({ address }) });
      rig.client = new LongTaskClient(`http://127.0.0.1:${rig.#ports.api}`);
      await Promise.all([rig.startApi(), rig.startWorker()]);
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  get service(): { filesDir: string; databaseUrl: string } {
    return { filesDir: path.join(this.folder, 'files'), databaseUrl: this.postgres?.url };
  }

  get temporalAddress(): string {
    return this.temporalServer.address;
  }

  async startPostgres(): Promise<void> {
    const options = { dataDir: this.folder, port: this.#ports.postgres, settings: SETTINGS };
    this.postgres = await startPostgres({ ...options, onLog: (line) => this.#note(line) });
    await prepareOpenDatabase(this.postgres.url);
  }

  /** What Temporal keeps, for as long as its server does not run. */
  get temporalFile(): string {
    return path.join(this.folder, 'temporal', 'temporal.db');
  }

  async startTemporal(): Promise<void> {
    const server = { cli: this.#cli, port: this.#ports.temporal, uiPort: null, namespace: 'default' };
    // Off by default: the pause of a whole workflow.
    const dynamicConfig = { 'frontend.WorkflowPauseEnabled': true };
    const onLog = (line: string) => this.#note(line);
    this.temporalServer = await startTemporal({ ...server, dbFilename: this.temporalFile, dynamicConfig, onLog });
  }

  /** Runs the `temporal` CLI against the server. Resolves to what it prints. */
  async temporalCli(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(this.#cli, [...args, '--address', this.temporalAddress]);
    return stdout;
  }

  /** Resolves when it is ready, which it is not while a server is missing. */
  async startApi(env: Record<string, string> = {}, options: PartOptions = {}): Promise<void> {
    await this.launchApi(env, options);
    await this.until(() => hasServers(this.client.api));
  }

  /** Resolves at once. */
  async launchApi(env: Record<string, string> = {}, options: PartOptions = {}): Promise<void> {
    this.api = await this.#run('api', env, options);
  }

  /** One more API, with a reconciler and a sweeper of its own. Resolves when it is ready. */
  async startSecondApi(): Promise<Running> {
    const port = await freePort();
    const api = await this.#run('api', { PORT: String(port) });
    await this.until(() => hasServers(`http://127.0.0.1:${port}`));
    return api;
  }

  /** Resolves when it polls, or has been killed by its failpoint already. */
  async startWorker(failpoints = '', options: PartOptions = {}): Promise<Running> {
    const worker = await this.launchWorker(failpoints, options);
    await this.until(() => !this.workers.includes(worker) || this.saw('worker started', worker.pid));
    return worker;
  }

  /** Resolves at once. */
  async launchWorker(failpoints = '', options: PartOptions = {}): Promise<Running> {
    const worker = await this.#run('worker', { FAILPOINT: failpoints }, options);
    this.workers.push(worker);
    void worker.exited.then((how) => {
      this.#note(`worker ${worker.pid} ended: ${how}`);
      this.workers = this.workers.filter((other) => other !== worker);
    });
    return worker;
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

  /** Nothing armed, frozen or missing: one fresh worker, everything else as it was. */
  async restore(): Promise<void> {
    Object.assign(this.toPostgres, { delayMs: 0, isRefusing: false });
    Object.assign(this.toTemporal, { delayMs: 0, isRefusing: false });
    await this.killWorkers();
    await this.startWorker();
  }

  /** Fails when it is not so within the time. */
  async until(condition: () => unknown | Promise<unknown>, milliseconds = PATIENCE_MS): Promise<void> {
    for (const end = performance.now() + milliseconds; performance.now() < end; await sleep(10)) {
      if (await condition()) return;
    }
    throw new Error(`not so within ${milliseconds / 1000} s: ${condition}`);
  }

  /** Stops all of it, once: an interrupt may come while it is being closed. */
  close(keep = false): Promise<void> {
    this.#closing ??= this.#close(keep);
    return this.#closing;
  }

  async #close(keep: boolean): Promise<void> {
    for (const { pid } of this.workers) sendSignal(pid, 'SIGCONT');
    await Promise.all([this.api, ...this.workers].map((process) => process?.stop()));
    await this.temporal?.connection.close();
    await this.db?.end();
    await Promise.all([this.toPostgres?.close(), this.toTemporal?.close()]);
    await Promise.all([this.postgres?.stop(), this.temporalServer?.stop()]);
    if (!keep) await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #run(
    part: 'api' | 'worker',
    env: Record<string, string>,
    { dist = inProject('dist'), flags = [] }: PartOptions = {},
  ): Promise<Running> {
    const { app, exporter } = addressesOf(this.postgres.url);
    const reached = (address: string) =>
      part === 'worker' ? Object.assign(new URL(address), { port: this.toPostgres.port }).href : address;
    return startProcess({
      command: process.execPath,
      args: [...flags, path.join(dist, 'src', part, 'main.js')],
      env: {
        ...process.env,
        DATABASE_URL: reached(app),
        DATABASE_EXPORT_URL: reached(exporter),
        DATABASE_ADMIN_URL: '',
        EXPORT_TABLES: ALL_TABLES,
        TEMPORAL_ADDRESS: `127.0.0.1:${this.toTemporal.port}`,
        TEMPORAL_NAMESPACE: 'default',
        HOST: '127.0.0.1',
        PORT: String(this.#ports.api),
        DATA_DIR: this.folder,
        LOG_LEVEL: 'info',
        NODE_ENV: 'test',
        ...env,
      },
      output: (line) => this.#note(line),
    });
  }

  #note(line: string): void {
    this.log.push(line);
    appendFileSync(path.join(this.folder, 'rig.log'), `${line}\n`);
  }
}

/** Whether an API answers and reaches its servers; a worker need not run. */
async function hasServers(api: string): Promise<boolean> {
  try {
    const { postgres, temporal } = await new LongTaskClient(api).ready();
    return postgres === 'up' && temporal === 'up';
  } catch {
    return false;
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** When we are interrupted, closes all that is in `rigs` by then and exits. The function returned ends that. */
export function closeOnInterrupt(rigs: readonly Rig[], keep: boolean): () => void {
  const interrupt = () => void Promise.all(rigs.map((rig) => rig.close(keep))).then(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupt);
  return () => {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  };
}
