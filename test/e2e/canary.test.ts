import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiError } from '../../src/client/api-error.js';
import type { TaskKey, UploadFields } from '../../src/client/client.js';
import type { State } from '../../src/contract/states.js';
import { useOwnService } from './service.js';

const service = useOwnService();

/** Words that are nowhere but in the files: in their names, their headers and their cells. */
const FILE = 'kanarienname';
const HEADER = 'Kanarienkopf';
const CELL = 'kanarienzelle';
const CANARY = /kanarien(name|kopf|zelle)/i;

const HEAD = `${HEADER} A,${HEADER} B`;
const ROWS = Array.from({ length: 400 }, (_, i) => `${i},${CELL} ${i}`).join('\n');

/** What the API answered: errors, and the tasks that had one. */
const refusals: unknown[] = [];
const keys: TaskKey[] = [];
let number = 0;

async function upload(content: string, fields: UploadFields = {}): Promise<TaskKey> {
  const key: TaskKey = { kind: 'upload', user_id: 'ana', task_name: `task${++number}` };
  const file = path.join(service.dir, `${FILE} ${number}.csv`);
  await writeFile(file, content);
  keys.push(key);
  await service.client.upload(key, file, fields);
  return key;
}

async function reaches(key: TaskKey, ...states: State[]): Promise<void> {
  const task = await service.client.waitFor(key, states);
  if (task.error) refusals.push(task.error);
}

async function terminate(key: TaskKey): Promise<void> {
  await service.client.command('terminate', key);
  await reaches(key, 'terminated');
}

/** Every text in what Temporal gives, payloads decoded. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}

const hits = (texts: string[]) => texts.filter((text) => CANARY.test(text)).map((text) => text.slice(0, 300));

/** Tasks of every kind of trouble, each of which has its way of quoting what it is about. */
async function makeTrouble(): Promise<void> {
  const malformed = await upload(`${HEAD}\n1,${CELL}\n${CELL}\n`);
  await reaches(malformed, 'paused');
  await service.client.command('resume', malformed);
  await service.signal(malformed, 'resume', { max_rejects: 1 });
  await reaches(malformed, 'completed');

  const columns = { [`${HEADER} B`]: 'integer' } as const;
  const refused = await upload(`${HEAD}\n1,${CELL}\n2,2\n`, { columns });
  await reaches(refused, 'paused');
  await terminate(refused);
  const left = await upload(`${HEAD}\n1,${CELL}\n2,2\n`, { columns, max_rejects: 5 });
  await reaches(left, 'completed');
  await reaches(await upload(`${HEAD}\n1,${CELL}\n`, { columns, on_limit: 'rollback' }), 'failed');

  await upload(`${HEAD}\n1,${CELL}\n`, { columns: { [`${HEADER} C`]: 'integer' } })
    .then((key) => reaches(key, 'failed'))
    .catch((error: unknown) => refusals.push((error as ApiError).problem));
  await reaches(await upload(`${HEAD}\n1,"${CELL}\n`), 'failed');

  const table = await upload(`${HEAD}\n${ROWS}\n`, { max_bytes_per_second: 4_000 });
  await service.reaches(table, (task) => task.rows.done > 0);
  await service.client.command('pause', table);
  await reaches(table, 'paused');
  await service.client.command('resume', table);
  await reaches(table, 'completed');
  await exports((await service.client.progress(table)).table!);
}

async function exports(table: string): Promise<void> {
  await service.exported({ table });
  await service.pool.query(`CREATE VIEW public.odd AS SELECT CAST(t::text AS integer) AS whole FROM ${table} t`);
  const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: 'odd' };
  keys.push(key);
  await service.client.download(key, { table: 'public.odd' });
  await reaches(key, 'failed');
  await service.pool.query('DROP VIEW public.odd');
}

/** Without a name of its own the task must not get that of its file. */
async function withoutName(): Promise<void> {
  const form = new FormData();
  form.set('user_id', 'ana');
  form.set('file', new Blob([`${HEAD}\n1,${CELL}\n`]), `${FILE}.csv`);
  const answer = await fetch(`${service.client.api}/upload/start`, { method: 'POST', body: form });
  const { task_name } = (await answer.json()) as { task_name: string };
  keys.push({ kind: 'upload', user_id: 'ana', task_name });
  await reaches({ kind: 'upload', user_id: 'ana', task_name }, 'completed');
}

/** All runs of all tasks: their histories, what a description says of them, and what their workflows show. */
async function inTemporal(): Promise<string[]> {
  const texts: string[] = [];
  for (const key of keys) {
    const id = `${key.kind}/${key.user_id}/${key.task_name}`;
    const newest = service.temporal.workflow.getHandle(id);
    const { raw } = await newest.describe().catch(() => ({ raw: null }));
    if (!raw) continue; // Refused by the API, so that there is none.
    texts.push(...textsOf(raw), ...textsOf(await newest.query('__temporal_workflow_metadata')));
    texts.push(...textsOf(await newest.query('progress')));
    texts.push(...textsOf(await newest.fetchHistory()));
  }
  return texts;
}

describe('what is in a file, its name too, is found', () => {
  beforeAll(async () => {
    await Promise.all([service.worker.stop(), service.api.stop()]);
    await Promise.all([service.startApi({ LOG_LEVEL: 'trace' }), service.startWorker({ LOG_LEVEL: 'trace' })]);
    await makeTrouble();
    await withoutName();
  }, 120_000);

  it('nowhere in Temporal', async () => {
    const texts = await inTemporal();
    expect(texts.length).toBeGreaterThan(1_000);
    expect(hits(texts)).toEqual([]);
  });

  it('nowhere in the logs of API and worker, at any level', () => {
    expect(service.log.length).toBeGreaterThan(50);
    expect(hits(service.log)).toEqual([]);
  });

  it('in an error only where it says column and value, and no error has a stack, SQL or a path', () => {
    expect(refusals.length).toBeGreaterThan(5);
    for (const refusal of refusals) {
      const { value, column, detail, errors, ...others } = refusal as Record<string, unknown>;
      expect(hits(textsOf(others))).toEqual([]);
      const all = JSON.stringify(refusal);
      expect(all).not.toMatch(/\bat \S+:\d+|SELECT|COPY |INSERT|staging|node_modules/);
      expect(all).not.toContain(service.dir);
      expect(String(detail)).not.toContain(CELL);
    }
  });

  it('nowhere in the log of PostgreSQL', async () => {
    const { rows: found } = await service.pool.query('SHOW data_directory');
    const log = path.join(path.dirname(found[0].data_directory), 'logs', 'postgres.log');
    expect(hits(readFileSync(log, 'utf8').split('\n'))).toEqual([]);
  });
});
