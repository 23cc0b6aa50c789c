import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';
import { freePort } from '../../launcher/ports.js';
import { prepareOpenDatabase } from '../../launcher/postgres-roles.js';
import type { DownloadFields, TaskKey, UploadFields } from '../../src/client/client.js';
import type { State } from '../../src/contract/states.js';
import type { Task } from '../../src/contract/task.js';
import { createPool } from '../../src/postgres/pool.js';
import { type HarnessServers, ServiceHarness } from '../../testkit/harness.js';
import { awaitNoLeftovers, findLeftovers } from '../../testkit/leftovers.js';
import { createDatabase, prepareTemplate } from '../support/servers.js';

/** The service on the servers of the test run, in a database of its own. */
export class TestService extends ServiceHarness {
  readonly taskQueue = `test-${randomUUID()}`;
  pool!: pg.Pool;
  temporal!: Client;
  dir!: string;
  #database!: { url: string; drop(): Promise<void> };
  #port!: number;

  async start(): Promise<void> {
    await prepareTemplate(inject('databaseUrl'), prepareOpenDatabase);
    this.#database = await createDatabase(inject('databaseUrl'));
    this.#port = await freePort();
    this.dir = await mkdtemp(path.join(inject('folder'), 'service-'));
    this.pool = createPool({
      connectionString: this.#database.url,
      max: 4,
      applicationName: 'test',
      onError: () => {},
    });
    this.temporal = new Client({ connection: await Connection.connect({ address: inject('temporalAddress') }) });
    await Promise.all([this.startApi(), this.startWorker()]);
    await this.until(async () => (await this.client.ready()).status === 'ok');
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.temporal.connection.close();
    await this.pool.end();
    await this.#database.drop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Writes a file of this test's own; gone with the service. */
  async file(content: string | Buffer): Promise<string> {
    const file = path.join(this.dir, `${randomUUID()}.csv`);
    await writeFile(file, content);
    return file;
  }

  /** Starts an upload of the content under a name of its own. */
  async upload(content: string | Buffer, fields: UploadFields = {}): Promise<TaskKey> {
    const key: TaskKey = { kind: 'upload', user_id: 'ana', task_name: `t${randomUUID().slice(0, 8)}` };
    await this.client.upload(key, await this.file(content), fields);
    return key;
  }

  async uploaded(content: string | Buffer, fields: UploadFields = {}): Promise<Task> {
    return this.client.waitFor(await this.upload(content, fields), ['completed']);
  }

  /** Exports a finished upload, or a table, and returns the file's text. */
  async exported(fields: DownloadFields, name = `d${randomUUID().slice(0, 8)}`): Promise<string> {
    const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: name };
    await this.client.download(key, fields);
    await this.client.waitFor(key, ['completed']);
    return text(await this.client.result(key));
  }

  async signal(key: TaskKey, name: string, ...args: unknown[]): Promise<void> {
    await this.temporal.workflow.getHandle(`${key.kind}/${key.user_id}/${key.task_name}`).signal(name, ...args);
  }

  async state(key: TaskKey): Promise<State> {
    return (await this.client.progress(key)).state;
  }

  async reaches(key: TaskKey, condition: (task: Task) => boolean): Promise<Task> {
    let task: Task | undefined;
    await this.until(async () => {
      task = await this.client.progress(key);
      return condition(task);
    });
    return task as Task;
  }

  /** Lists what ended tasks have left behind. */
  leftovers(): Promise<string[]> {
    return findLeftovers(this.pool, this.#filesDir);
  }

  /** Waits a moment for tasks to end and clean up, and lists what they leave behind even so. */
  lastingLeftovers(): Promise<string[]> {
    return awaitNoLeftovers(this.pool, this.#filesDir);
  }

  get #filesDir(): string {
    return path.join(this.dir, 'files');
  }

  protected serversFor(): HarnessServers {
    return {
      databaseUrl: this.#database.url,
      temporalAddress: inject('temporalAddress'),
      port: this.#port,
      dataDir: this.dir,
      taskQueue: this.taskQueue,
    };
  }
}

/** A service of one file alone, whose tests may stop, kill and change it. Each test fails if leftovers remain. */
export function useOwnService(): TestService {
  const service = new TestService();
  beforeAll(() => service.start(), 60_000);
  failOnLeftovers(service);
  afterAll(() => service.stop(), 60_000);
  return service;
}

const shared = new TestService();
let started: Promise<void> | undefined;

/**
 * A service that the files of one process share: a start takes longer than the tests of most. It ends with the process.
 * A file that stops the API or the worker starts it again, and no other file has its names of tables and tasks. Each
 * test fails if leftovers remain.
 */
export function useService(): TestService {
  beforeAll(() => {
    started ??= startForGood(shared);
    return started;
  }, 60_000);
  failOnLeftovers(shared);
  return shared;
}

async function startForGood(service: TestService): Promise<void> {
  // Vitest ends its processes by this signal.
  process.once('SIGTERM', () => void service.stopService().finally(() => process.exit()));
  await service.start();
}

function failOnLeftovers(service: TestService): void {
  afterEach(async () => expect(await service.lastingLeftovers()).toEqual([]));
}

/** CSV with so many rows of about 60 bytes: number, text with commas and quotes, amount, empty and missing values. */
export function salesCsv(rows: number): string {
  const lines = ['id,name,amount,note,missing'];
  for (let i = 1; i <= rows; i++)
    lines.push(`${i},"Item ""${i % 97}"", blue",${(i * 7) % 1000}.${String(i % 100).padStart(2, '0')},"",`);
  return `${lines.join('\n')}\n`;
}
