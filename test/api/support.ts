import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import type { ApiContext } from '../../src/api/context.js';
import type { StreamingInspections } from '../../src/intake/streaming-inspection.js';
import { createApiMetrics } from '../../src/metrics/api-metrics.js';
import { createLocalStore } from '../../src/storage/local-store.js';
import type { Store } from '../../src/storage/store.js';
import { parseExportTables } from '../../src/tables/export-tables.js';
import { SnapshotReader } from '../../src/tasks/snapshot-reader.js';
import { useDatabase } from '../postgres/support.js';
import { checkAnswer, checkingSerializer } from '../support/answers.js';
import { builtInspections } from '../support/built.js';
import { TestTemporal } from '../temporal/support.js';

export interface TestApi {
  readonly app: FastifyInstance;
  /** Of the administrator. */
  readonly pool: pg.Pool;
  /** Of the role under which the service works, and which owns its tables. */
  readonly appPool: pg.Pool;
  readonly store: Store;
  readonly inspections: StreamingInspections;
  readonly temporal: TestTemporal;
  readonly url: string;
  /** Files that are stored, finished or not. */
  files(): Promise<string[]>;
  post(url: string, body: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  delete(url: string): Promise<Answer>;
  /** A multipart form; a part with a filename is a file. Their order is kept. */
  form(parts: FormPart[], headers?: Record<string, string>): Promise<Answer>;
}

/**
 * Has the only worker of a database seen at this time, as PostgreSQL reads it; none works on the queue of these tests.
 */
export async function seesWorker(pool: pg.Pool, at: string): Promise<void> {
  await pool.query('DELETE FROM long_task.workers');
  await pool.query('INSERT INTO long_task.workers (id, seen_at) VALUES (gen_random_uuid(), $1)', [at]);
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

/** How many files have come since the test began. */
export function useAddedFiles(api: TestApi): () => Promise<number> {
  let before: string[];
  beforeEach(async () => {
    before = await api.files();
  });
  return async () => (await api.files()).length - before.length;
}

/** The API on a port of its own, with a database and a store of this file's own, on the real Temporal. */
export function useApi(options: { maxUploadBytes?: number; config?: Partial<ApiContext['config']> } = {}): TestApi {
  const database = useDatabase();
  let temporal: TestTemporal;
  let app: FastifyInstance;
  let dir: string;
  let store: Store;
  let inspections: StreamingInspections;
  let url: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'long-task-api-'));
    store = createLocalStore(path.join(dir, 'files'));
    temporal = await TestTemporal.connect(inject('temporalAddress'));
    inspections = await builtInspections();
    app = await buildApp(
      {
        config: { MAX_UPLOAD_BYTES: options.maxUploadBytes ?? 50 << 20, RETENTION_DAYS: 30, ...options.config },
        pool: database.appPool,
        snapshots: new SnapshotReader(database.appPool),
        commandPool: database.appPool,
        tablePool: database.appPool,
        exportable: {
          pool: database.appPool,
          exportPool: database.exportPool,
          tables: parseExportTables('*.*'),
          isOneRole: false,
        },
        store,
        temporal: temporal.gateway,
        log: pino({ level: 'silent' }),
        inspections,
        sampleFile: path.resolve(import.meta.dirname, '../../sample_data.csv'),
        metrics: createApiMetrics({ reads: database.appPool }),
        isReady: () => true,
      },
      checkingSerializer,
    );
    url = await app.listen({ host: '127.0.0.1', port: 0 });
    await seesWorker(database.pool, 'infinity');
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([temporal.gateway.close(), inspections.close()]);
    await rm(dir, { recursive: true, force: true });
  });
  const call = async (target: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + target, init);
    const text = await response.text();
    if (response.headers.get('content-type')?.startsWith('application/problem+json'))
      checkAnswer('Problem', JSON.parse(text));
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
    get appPool() {
      return database.appPool;
    },
    get inspections() {
      return inspections;
    },
    get store() {
      return store;
    },
    get url() {
      return url;
    },
    get temporal() {
      return temporal;
    },
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
    delete: (target) => call(target, { method: 'DELETE' }),
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
