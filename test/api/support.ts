import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { type TemporalGateway, WorkflowClosedError } from '../../src/api/temporal.js';
import { TaskError } from '../../src/contract/errors.js';
import type { ProgressAnswer } from '../../src/contract/messages.js';
import { assertText } from '../../src/csv/sniff.js';
import { createLocalStore } from '../../src/storage/local-store.js';
import type { Store } from '../../src/storage/store.js';
import { useDatabase } from '../postgres/support.js';

/** A Temporal that notes what it is told and can be switched off. */
export class FakeTemporal implements TemporalGateway {
  away = false;
  readonly running = new Set<string>();
  readonly told: string[] = [];
  answer: ProgressAnswer | null = null;

  async startWorkflow({ workflow_id }: { workflow_id: string }): Promise<void> {
    this.#mustBeThere();
    this.running.add(workflow_id);
    this.told.push(`start ${workflow_id}`);
  }
  async restartWorkflow(row: { workflow_id: string }): Promise<void> {
    await this.startWorkflow(row);
  }
  async signalWorkflow({ workflow_id }: { workflow_id: string }, action: string, input: object): Promise<void> {
    this.#mustBeThere();
    if (!this.running.has(workflow_id)) throw new WorkflowClosedError('none');
    this.told.push(`${action} ${workflow_id} ${JSON.stringify(input)}`);
  }
  async endWorkflow({ workflow_id }: { workflow_id: string }): Promise<void> {
    this.running.delete(workflow_id);
  }
  async describeWorkflow(): Promise<{ is: 'unknown' }> {
    this.#mustBeThere();
    return { is: 'unknown' };
  }
  async liftNativePauses(): Promise<void> {}
  async queryProgress(): Promise<ProgressAnswer | null> {
    return this.away ? null : this.answer;
  }
  async check(): Promise<void> {
    this.#mustBeThere();
  }
  async close(): Promise<void> {}

  #mustBeThere(): void {
    if (this.away) throw new TaskError('temporal_unavailable', 'Temporal cannot be reached.');
  }
}

export interface TestApi {
  readonly app: FastifyInstance;
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly temporal: FakeTemporal;
  readonly url: string;
  /** Files that are stored, finished or not. */
  files(): Promise<string[]>;
  post(url: string, body: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  /** A multipart form; a part with a filename is a file. Their order is kept. */
  form(parts: FormPart[], headers?: Record<string, string>): Promise<Answer>;
}

export type FormPart = [name: string, value: string | Buffer, filename?: string];

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  json: any;
}

export const SAMPLE = 'Region,Units\nEurope,1\nAsia,2\n';

/** The API on a port of its own, with a database, a store and a Temporal of this file's own. */
export function useApi(options: { maxUploadBytes?: number } = {}): TestApi {
  const database = useDatabase();
  const temporal = new FakeTemporal();
  let app: FastifyInstance;
  let dir: string;
  let store: Store;
  let url: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'long-task-api-'));
    store = createLocalStore(path.join(dir, 'files'));
    app = await buildApp({
      config: { MAX_UPLOAD_BYTES: options.maxUploadBytes ?? 50 << 20 },
      pool: database.pool,
      store,
      temporal,
      log: pino({ level: 'silent' }),
      assertText,
      sampleFile: path.resolve(import.meta.dirname, '../../sample_data.csv'),
      isReady: () => true,
    });
    url = await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await app.close();
    await rm(dir, { recursive: true, force: true });
  });
  const call = async (target: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + target, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: /^[[{]/.test(text) ? JSON.parse(text) : undefined,
    };
  };
  return {
    get app() {
      return app;
    },
    get pool() {
      return database.pool;
    },
    get store() {
      return store;
    },
    get url() {
      return url;
    },
    temporal,
    files: async () => {
      const entries = await readdir(path.join(dir, 'files'), { recursive: true, withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    post: (target, body, headers = {}) =>
      call(target, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    get: (target, headers = {}) => call(target, { headers }),
    form: (parts, headers = {}) => {
      const form = new FormData();
      for (const [name, value, filename] of parts) {
        if (filename === undefined) form.append(name, value.toString());
        else form.append(name, new Blob([new Uint8Array(Buffer.from(value))]), filename);
      }
      return call('/upload/start', { method: 'POST', body: form, headers });
    },
  };
}
