import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../src/client/api-error.js';
import { LongTaskClient } from '../../src/client/client.js';
import { SAMPLE, useApi } from '../api/support.js';

const api = useApi();
let client: LongTaskClient;
let dir: string;
beforeAll(async () => {
  client = new LongTaskClient(api.url);
  dir = await mkdtemp(path.join(os.tmpdir(), 'long-task-client-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const keyOf = (task_name: string) => ({ kind: 'upload', user_id: 'ana', task_name }) as const;

async function sourceOf(task_name: string): Promise<{ filename: string; content: string; options: object }> {
  const { rows } = await api.pool.query('SELECT source, options FROM long_task.tasks WHERE task_name = $1', [
    task_name,
  ]);
  const { source, options } = rows[0];
  return { filename: source.filename, content: await text(api.store.openRead(source.key)), options };
}

it('a preview shows columns and rows, and stores nothing', async () => {
  const { columns, rows, dialect } = await client.preview('ana', Buffer.from('Ort;Preis\nK\xf6ln;1,50\n', 'latin1'));
  expect(dialect).toMatchObject({ encoding: 'windows-1252', delimiter: ';' });
  expect(columns.map(({ name, type }) => [name, type])).toEqual([
    ['Ort', 'text'],
    ['Preis', 'numeric'],
  ]);
  expect(rows).toEqual([['Köln', '1,50']]);
});

describe('an upload', () => {
  it('sends a file of the disk, bytes or a stream, whole', async () => {
    const file = path.join(dir, 'sales.csv');
    await writeFile(file, SAMPLE);
    await client.upload(keyOf('of a path'), file);
    await client.upload(keyOf('of bytes'), Buffer.from(SAMPLE), {}, { filename: 'bytes.csv' });
    const pieces = ['Region,', 'Units\nEurope,1\n', 'Asia,2\n'].map((piece) => Buffer.from(piece));
    await client.upload(keyOf('of a stream'), Readable.from(pieces));
    expect(await sourceOf('of a path')).toMatchObject({ filename: 'sales.csv', content: SAMPLE });
    expect(await sourceOf('of bytes')).toMatchObject({ filename: 'bytes.csv', content: SAMPLE });
    expect(await sourceOf('of a stream')).toMatchObject({ filename: 'upload.csv', content: SAMPLE });
  });

  it('keeps the types of its fields, before the file and after it', async () => {
    const columns = { Units: 'integer' } as const;
    const fieldsAfter = { dialect: { delimiter: ',' } } as const;
    await client.upload(keyOf('fields'), Buffer.from(SAMPLE), { columns, max_rejects: 7 }, { fieldsAfter });
    expect((await sourceOf('fields')).options).toMatchObject({ columns, max_rejects: 7, ...fieldsAfter });
  });

  it('with an idempotency key is started once', async () => {
    const options = { idempotencyKey: 'once' };
    const send = () => client.upload(keyOf('once'), Buffer.from(SAMPLE), {}, options);
    const [first, second] = [await send(), await send()];
    expect(second.created_at).toBe(first.created_at);
    const other = client.upload(keyOf('once'), Buffer.from('a\n1\n'), {}, options);
    await expect(other).rejects.toMatchObject({ status: 422 });
  });
});

it('an error is the problem document of the API, however the request was sent', async () => {
  await client.uploadSample(keyOf('taken'));
  const refused = [
    [() => client.upload(keyOf('taken'), Buffer.from(SAMPLE)), 409],
    [() => client.uploadSample(keyOf('a/b')), 400],
    [() => client.progress(keyOf('absent')), 404],
    [() => client.rejects(keyOf('absent')), 404],
    [() => client.result(keyOf('absent')), 404],
  ] as const;
  for (const [request, status] of refused) {
    const error: unknown = await request().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status, problem: { status, type: expect.any(String), detail: expect.any(String) } });
  }
});

it('a task is read again only when it has changed', async () => {
  const key = keyOf('with an ETag');
  await client.uploadSample(key);
  const { task, etag } = await client.get(key);
  expect(task.task_events).toBeInstanceOf(Array);
  expect(await client.getIfChanged(key, etag)).toBeUndefined();
  const paused = await client.pause(key, { reason: 'lunch' });
  expect(paused.version).toBeGreaterThan(task.version);
  expect((await client.getIfChanged(key, etag))?.task.state).toBe(paused.state);
});

it('a list comes page by page, each task once', async () => {
  const names = ['one', 'two', 'three', 'four', 'five'];
  for (const name of names) await client.uploadSample({ user_id: 'lister', task_name: name });
  const pages: string[][] = [];
  for await (const { tasks } of client.list({ user_id: 'lister', sort: 'created', limit: 2 })) {
    pages.push(tasks.map(({ task_name }) => task_name));
  }
  expect(pages).toEqual([['one', 'two'], ['three', 'four'], ['five']]);
});

it('many tasks are commanded at once, and the answer says what came of each', async () => {
  await client.uploadSample({ user_id: 'bulk', task_name: 'a' });
  const tasks = ['a', 'absent'].map((task_name) => ({ kind: 'upload' as const, task_name }));
  const answer = await client.commandMany({ action: 'terminate', user_id: 'bulk', tasks, dry_run: true });
  expect(answer).toMatchObject({ dry_run: true, count: 2, ok: 1, failed: 1 });
});

it('health and usage are answers of their types', async () => {
  expect(await client.live()).toEqual({ status: 'ok' });
  expect(await client.ready()).toMatchObject({ status: 'ok', worker: 'up' });
  await api.pool.query('DELETE FROM long_task.workers');
  expect(await client.ready()).toMatchObject({ status: 'unavailable', worker: 'down' });
  expect(await client.usage('nobody-yet')).toMatchObject({ user_id: 'nobody-yet', bytes_stored: 0 });
});
