import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { ApiError } from '../../src/client/api-error.js';
import { LongTaskClient, type TaskKey } from '../../src/client/client.js';
import { salesCsv, useService } from '../e2e/service.js';

const service = useService();
const CSV = salesCsv(20_000);
const sha256 = createHash('sha256').update(CSV).digest('hex');

let proxy: http.Server | undefined;
afterEach(() => {
  proxy?.close();
  proxy = undefined;
});

/** A completed export of the rows. */
async function exported(): Promise<TaskKey> {
  const { task_name } = await service.uploaded(CSV);
  const key: TaskKey = { kind: 'download', user_id: 'ana', task_name };
  await service.client.download(key);
  await service.client.waitFor(key, ['completed']);
  return key;
}

/** A client whose connections break after `bytes` of each answer with a body; `ranges` are the ranges it requested. */
async function clientOverBrokenLines(bytes: number): Promise<{ client: LongTaskClient; ranges: unknown[] }> {
  const ranges: unknown[] = [];
  proxy = http.createServer((request, answer) => {
    if (request.method === 'GET') ranges.push(request.headers.range);
    const { method, url } = request;
    const { host: _ours, ...headers } = request.headers;
    http.get(new URL(url as string, service.client.api), { method, headers }, (real) => {
      answer.writeHead(real.statusCode as number, real.headers);
      let sent = 0;
      real.on('data', (chunk: Buffer) => {
        answer.write(chunk.subarray(0, Math.max(0, bytes - sent)));
        sent += chunk.length;
        if (sent > bytes) setImmediate(() => answer.destroy());
      });
      real.on('end', () => answer.end());
      answer.once('close', () => real.destroy());
    });
  });
  await new Promise<void>((resolve) => proxy!.listen(0, '127.0.0.1', resolve));
  return { client: new LongTaskClient(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`), ranges };
}

const files = async () => (await readdir(service.dir)).filter((name) => name.startsWith('saved'));
const target = () => path.join(service.dir, 'saved.csv');

it('a result is read whole or from a byte on, and saved as it is', async () => {
  const key = await exported();
  expect(await text(await service.client.result(key))).toBe(CSV);
  expect(await text(await service.client.result(key, 1_000))).toBe(CSV.slice(1_000));
  await service.client.saveResult(key, target());
  expect(await readFile(target(), 'utf8')).toBe(CSV);
  expect(await files()).toEqual(['saved.csv']);
});

it('a result over a line that breaks again and again is saved exactly', async () => {
  const key = await exported();
  const { client, ranges } = await clientOverBrokenLines(300_000);
  await client.saveResult(key, target());
  expect(await readFile(target(), 'utf8')).toBe(CSV);
  expect(ranges.length).toBeGreaterThan(2);
  expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range)))).toBe(true);
});

it('a later call continues where an earlier one was cut off, and refuses bytes that are not of this result', async () => {
  const key = await exported();
  const part = `${target()}.${sha256.slice(0, 16)}.part`;
  await writeFile(part, CSV.slice(0, 50_000));
  const { client, ranges } = await clientOverBrokenLines(Number.POSITIVE_INFINITY);
  await client.saveResult(key, target());
  expect(ranges).toEqual(['bytes=50000-']);
  expect(await readFile(target(), 'utf8')).toBe(CSV);
  await writeFile(part, 'x'.repeat(50_000));
  await expect(client.saveResult(key, target())).rejects.toThrow('other bytes than its ETag names');
  expect(await files()).toEqual(['saved.csv']);
});

it('rejected rows come as CSV', async () => {
  const { task_name } = await service.uploaded('a,b\n1,2\nx,4\n', { columns: { a: 'integer' }, max_rejects: 1 });
  expect(await text(await service.client.rejects({ user_id: 'ana', task_name }))).toContain('x,4');
});

it('delete says whether nothing remains, and an unfinished download has no result', async () => {
  const key = await exported();
  expect(await service.client.delete(key)).toBe(true);
  await expect(service.client.result(key)).rejects.toBeInstanceOf(ApiError);
  const upload: TaskKey = { ...key, kind: 'upload' };
  const { table } = await service.client.progress(upload);
  expect(await service.client.delete(upload, { drop_table: true })).toBe(true);
  const { rows } = await service.pool.query('SELECT to_regclass($1) AS there', [table]);
  expect(rows[0].there).toBeNull();
});
