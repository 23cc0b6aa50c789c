import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { freePort } from '../launcher/ports.js';
import { prepareOpenDatabase } from '../launcher/postgres-roles.js';
import { type PostgresServer, startPostgres } from '../launcher/postgres-server.js';
import type { ServiceName } from '../launcher/service-process.js';
import { findTemporalCli } from '../launcher/temporal-cli.js';
import { startTemporal, type TemporalServer } from '../launcher/temporal-server.js';
import { type HarnessServers, ServiceHarness } from '../testkit/harness.js';
import { TcpProxy } from '../testkit/tcp-proxy.js';

/** A small server comes back from a crash in a second; what is answered is on the disk, as by default. */
const SETTINGS = { shared_buffers: '64MB', max_wal_size: '512MB', max_connections: '150' };

/**
 * The service with its servers, all of which can be stopped and killed. Workers reach PostgreSQL through a proxy, and
 * workers and API reach Temporal through another one. The checks connect directly.
 */
export class FaultHarness extends ServiceHarness {
  postgres!: PostgresServer;
  temporalServer!: TemporalServer;
  toPostgres!: TcpProxy;
  toTemporal!: TcpProxy;
  db!: pg.Pool;
  temporal!: Client;
  #cli!: string;
  #ports!: { postgres: number; temporal: number; api: number };
  #closing: Promise<void> | undefined;

  private constructor(readonly folder: string) {
    super();
  }

  /** Resolves when everything runs, with one worker. */
  static async open(log: (message: string) => void): Promise<FaultHarness> {
    const harness = new FaultHarness(await mkdtemp(path.join(os.tmpdir(), 'long-task-faults-')));
    try {
      harness.#cli = await findTemporalCli({ log });
      harness.#ports = { postgres: await freePort(), temporal: await freePort(), api: await freePort() };
      await mkdir(harness.filesDir, { recursive: true, mode: 0o700 });
      await Promise.all([harness.startPostgres(), harness.startTemporal()]);
      harness.toPostgres = await TcpProxy.open(harness.#ports.postgres);
      harness.toTemporal = await TcpProxy.open(harness.#ports.temporal);
      harness.db = new pg.Pool({ connectionString: harness.postgres.url, max: 8, application_name: 'faults' });
      harness.db.on('error', () => {});
      const address = harness.temporalServer.address;
      harness.temporal = new Client({ connection: await Connection.connect({ address }) });
      await Promise.all([harness.startApi(), harness.startWorker()]);
      return harness;
    } catch (error) {
      await harness.close();
      throw error;
    }
  }

  get filesDir(): string {
    return path.join(this.folder, 'files');
  }

  get temporalAddress(): string {
    return this.temporalServer.address;
  }

  async startPostgres(): Promise<void> {
    const options = { dataDir: this.folder, port: this.#ports.postgres, settings: SETTINGS };
    this.postgres = await startPostgres({ ...options, onLog: (line) => this.note(line) });
    await prepareOpenDatabase(this.postgres.url);
  }

  /** The database file of the Temporal server. */
  get temporalFile(): string {
    return path.join(this.folder, 'temporal', 'temporal.db');
  }

  async startTemporal(): Promise<void> {
    const server = { cli: this.#cli, port: this.#ports.temporal, uiPort: null, namespace: 'default' };
    // Off by default: the pause of a whole workflow.
    const dynamicConfig = { 'frontend.WorkflowPauseEnabled': true };
    const onLog = (line: string) => this.note(line);
    this.temporalServer = await startTemporal({ ...server, dbFilename: this.temporalFile, dynamicConfig, onLog });
  }

  /** Runs the `temporal` CLI against the server. Resolves to what it prints. */
  async temporalCli(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(this.#cli, [...args, '--address', this.temporalAddress]);
    return stdout;
  }

  /** Resets the proxies. Replaces the workers by one without failpoints, unless that is what runs. */
  async restore(): Promise<void> {
    Object.assign(this.toPostgres, { delayMs: 0, isRefusing: false });
    Object.assign(this.toTemporal, { delayMs: 0, isRefusing: false });
    if (this.hasOnePlainWorker()) return;
    await this.killWorkers();
    await this.startWorker();
  }

  /** Stops all of it, once: an interrupt may come while it is being closed. */
  close(keep = false): Promise<void> {
    this.#closing ??= this.#close(keep);
    return this.#closing;
  }

  async #close(keep: boolean): Promise<void> {
    await this.stopService();
    await this.temporal?.connection.close();
    await this.db?.end();
    await Promise.all([this.toPostgres?.close(), this.toTemporal?.close()]);
    await Promise.all([this.postgres?.stop(), this.temporalServer?.stop()]);
    if (!keep) await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  protected serversFor(name: ServiceName): HarnessServers {
    const { url } = this.postgres;
    return {
      databaseUrl: name === 'worker' ? Object.assign(new URL(url), { port: this.toPostgres.port }).href : url,
      temporalAddress: `127.0.0.1:${this.toTemporal.port}`,
      port: this.#ports.api,
      dataDir: this.folder,
    };
  }

  protected override note(line: string): void {
    super.note(line);
    appendFileSync(path.join(this.folder, 'harness.log'), `${line}\n`);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** On an interrupt, closes all harnesses of the list by then and exits. Returns a function that removes the handler. */
export function closeOnInterrupt(harnesses: readonly FaultHarness[], keep: boolean): () => void {
  const interrupt = () =>
    void Promise.all(harnesses.map((harness) => harness.close(keep))).then(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupt);
  return () => {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  };
}
