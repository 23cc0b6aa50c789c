import os from 'node:os';
import type pg from 'pg';
import { malformedRejects } from '../../src/activities/malformed-rejects.js';
import { BATCH_BYTES, LOAD_BUFFERS, PartLoader } from '../../src/activities/part-loader.js';
import { RateLimiter } from '../../src/activities/rate-limiter.js';
import { readSourceStyle } from '../../src/activities/source-style.js';
import { isFault, toError } from '../../src/contract/fault.js';
import { createEngine } from '../../src/csv/engine.js';
import { columnType } from '../../src/csv/evidence.js';
import { columnNames } from '../../src/csv/header.js';
import { readHead } from '../../src/intake/read-head.js';
import { scanPart } from '../../src/intake/scan-part.js';
import { kernel } from '../../src/kernel/kernel.js';
import { WorkerMetrics } from '../../src/metrics/worker-metrics.js';
import { withClient } from '../../src/postgres/pool.js';
import { createLocalStore } from '../../src/storage/local-store.js';
import type { StoreFile } from '../../src/storage/store.js';
import { createStaging, stagingTable } from '../../src/tables/staging.js';
import { claimPart, storePart } from '../../src/tasks/checkpoints.js';
import { settleTask } from '../../src/tasks/commands.js';
import { withFence } from '../../src/tasks/fence.js';
import { listRejects, type Reject, storeRejects } from '../../src/tasks/rejects.js';
import { fenceOf, getTaskById, storeDialect, storeInspection, type TaskRow } from '../../src/tasks/tasks.js';
import { newUpload } from '../postgres/support.js';

const csv = createEngine(kernel);

export interface LoadOptions {
  columns?: Record<string, string>;
  maxRejects?: number;
  /** Called when the staging table is there and empty. */
  prepare?: (table: string) => Promise<unknown>;
}

/** A task with one part that is inspected and ready to be loaded. */
export class ContentLoad {
  private constructor(
    readonly pool: pg.Pool,
    readonly bytes: Buffer,
    readonly taskId: string,
    readonly table: string,
  ) {}

  static async of(pool: pg.Pool, content: string, { columns = {}, maxRejects = 0, prepare }: LoadOptions = {}) {
    const bytes = Buffer.from(content);
    const options = { max_rejects: maxRejects, on_limit: 'pause' as const, columns };
    const row = await newUpload(pool, { options, bytesTotal: bytes.length });
    await settleTask(pool, row.id);
    const task = await getTaskById(pool, row.id);
    const load = new ContentLoad(pool, bytes, row.id, stagingTable(row.lock_key));
    await load.#inspect(task, columns);
    await prepare?.(load.table);
    return load;
  }

  async #inspect(task: TaskRow, given: Record<string, string>): Promise<void> {
    const { dialect: shown, plain, headers } = readHead(this.bytes, true, {});
    const { dialect, dataOffset } = plain!;
    const job = { key: '', size: this.bytes.length, dialect, columns: headers.length, from: dataOffset, firstRow: 1 };
    const part = await scanPart(this.#file, { ...job, stopAt: Number.POSITIVE_INFINITY }, csv);
    if (isFault(part)) throw toError(part);
    const names = columnNames(headers);
    const columns = headers.map((original, i) => {
      const type = given[original] ?? columnType(part.evidence[i]!);
      return { original, name: names[i]!, type, evidence: '' };
    });
    const unread = part.malformed.map((bad) => {
      const raw = this.bytes.subarray(bad.byteOffset, bad.byteOffset + bad.length);
      return { ...bad, raw };
    });
    const rejects = malformedRejects(unread, { headers, dialect: shown }, {});
    const fence = fenceOf(task);
    const style = await readSourceStyle(this.#file, this.bytes, shown);
    await withClient(this.pool, (client) =>
      withFence(client, fence, async () => {
        await storePart(client, task.id, { ...part, partNo: 1, firstRow: 1 }, part.evidence);
        await storeRejects(client, task.id, rejects);
        await storeDialect(client, task.id, shown);
        await storeInspection(client, task.id, { style, columns, dataOffset, rows: part.rows });
        await createStaging(client, { ...task, columns });
      }),
    );
  }

  get #file(): StoreFile {
    return {
      size: this.bytes.length,
      read: async (buffer, position) => this.bytes.copy(buffer, 0, position),
      close: async () => {},
    };
  }

  /** An attempt at the part, from where its checkpoint stands. */
  async run(): Promise<void> {
    const task = await getTaskById(this.pool, this.taskId);
    const fence = fenceOf(task);
    await withClient(this.pool, async (client) => {
      const part = await claimPart(client, fence, 1, 'part 1');
      const [input, ...outs] = Array.from({ length: LOAD_BUFFERS }, () => Buffer.alloc(2 * BATCH_BYTES));
      const { signal } = new AbortController();
      await new PartLoader({
        client,
        task,
        fence,
        part,
        file: this.#file,
        store: createLocalStore(os.tmpdir()),
        input: input!,
        outs,
        signal,
        rateLimiter: new RateLimiter(),
        metrics: new WorkerMetrics(),
        beat: {},
        csv,
      }).load();
      await client.query('RESET ALL');
    });
  }

  async rows(): Promise<(string | null)[][]> {
    const { rows: names } = await this.pool.query(
      `SELECT string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attnum) AS list FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0`,
      [this.table],
    );
    const query = `SELECT ${names[0].list} FROM ${this.table} AS t ORDER BY t._row`;
    return (await this.pool.query({ text: query, rowMode: 'array' })).rows;
  }

  async rejects(): Promise<(Omit<Reject, 'raw'> & { raw: string })[]> {
    const rejects = await listRejects(this.pool, this.taskId, 0, 1_000_000);
    return rejects.map((reject) => ({ ...reject, raw: reject.raw.toString() }));
  }
}
