import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SAMPLE, useAddedFiles, useApi } from './support.js';

const api = useApi({ maxUploadBytes: 3 << 20 });
const added = useAddedFiles(api);
let count = 0;
const fresh = () => `raw ${++count}`;

interface Sent {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  json: any;
}

async function send(
  fields: Record<string, string>,
  body: string | Buffer | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const response = await fetch(`${api.url}/upload/start?${new URLSearchParams(fields)}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : (body as NonNullable<RequestInit['body']>),
    headers: { 'content-type': 'text/csv', ...headers },
    ...{ duplex: 'half' },
  });
  return { status: response.status, json: await response.json() };
}

async function taskNamed(task_name: string) {
  const { rows } = await api.pool.query('SELECT options, source FROM long_task.tasks WHERE task_name = $1', [
    task_name,
  ]);
  return rows[0];
}

async function contentOf(key: string): Promise<string> {
  return Buffer.concat(await api.store.openRead(key).toArray()).toString();
}

/** Sends a request as it is written here. Resolves to the answer, or to what came of it until the client goes away. */
async function sendRaw(head: string[], body: string, goAway = false): Promise<string> {
  const socket = net.connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
  });
  socket.write(`${head.join('\r\n')}\r\nHost: 127.0.0.1\r\n\r\n${body}`);
  if (goAway) await sleep(100);
  else for (let i = 0; i < 100 && !answer.includes('}'); i++) await sleep(50);
  socket.destroy();
  return answer;
}

const post = (query: string) => [`POST /upload/start?${query} HTTP/1.1`, 'Content-Type: text/csv'];

describe('a body that is the file', () => {
  it('starts a load, with the fields in the query', async () => {
    const task_name = fresh();
    const { status, json } = await send(
      { user_id: 'ana', task_name, max_rejects: '7', columns: '{"Region":"text"}', dialect: '{"delimiter":","}' },
      SAMPLE,
    );
    expect(status, JSON.stringify(json)).toBe(202);
    const { options, source } = await taskNamed(task_name);
    expect(options).toEqual({
      max_rejects: 7,
      on_limit: 'pause',
      columns: { Region: 'text' },
      dialect: { delimiter: ',' },
    });
    expect([source.filename, source.size]).toEqual(['upload.csv', SAMPLE.length]);
    expect(await contentOf(source.key)).toBe(SAMPLE);
  });

  it.each(['text/csv; charset=utf-8; header=present', 'Application/CSV'])('may be of the type %s', async (type) => {
    const { status, json } = await send({ user_id: 'ana', task_name: fresh() }, SAMPLE, { 'content-type': type });
    expect(status, JSON.stringify(json)).toBe(202);
  });

  it('may come without its length, in pieces, and has no name but a made-up one', async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`Europe,${i}\n`));
    const { status, json } = await send(
      { user_id: 'ana' },
      Readable.toWeb(Readable.from([Buffer.from('Region,Units\n'), ...lines])) as ReadableStream,
    );
    expect(status, JSON.stringify(json)).toBe(202);
    expect(json.task_name).toMatch(/^upload-[a-z0-9]{6}$/);
    const { source } = await taskNamed(json.task_name);
    expect(await contentOf(source.key)).toBe(`Region,Units\n${lines.join('')}`);
  });

  it('may wait for 100 Continue', async () => {
    const head = [...post('user_id=ana'), `Content-Length: ${SAMPLE.length}`, 'Expect: 100-continue'];
    const answer = await sendRaw(head, SAMPLE);
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /);
  });

  it('is what curl -T sends', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-raw-'));
    try {
      const file = path.join(folder, 'sales.csv');
      // Over 1 MiB curl waits for 100 Continue.
      await writeFile(file, `Region,Units\n${'Europe,1\n'.repeat(150_000)}`);
      const url = `${api.url}/upload/start?user_id=ana&task_name=curl`;
      const options = ['-sS', '-f', '-X', 'POST', '-T', file, '-H', 'Content-Type: text/csv', url];
      const { stdout } = await promisify(execFile)('curl', options);
      expect(JSON.parse(stdout)).toMatchObject({ task_name: 'curl', kind: 'upload' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is one request with a form of the same fields and file for an Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'raw' };
    const first = await send({ user_id: 'ida', table: 'raw' }, SAMPLE, key);
    const again = await send({ table: 'raw', user_id: 'ida' }, SAMPLE, key);
    const form = await api.form(
      [
        ['user_id', 'ida'],
        ['table', 'raw'],
        ['file', SAMPLE, 'x.csv'],
      ],
      key,
    );
    expect([first.status, again.status, form.status]).toEqual([202, 202, 202]);
    expect(new Set([first, again, form].map(({ json }) => json.task_name)).size).toBe(1);
    expect(await added()).toBe(1);
    const other = await send({ user_id: 'ida', table: 'raw' }, `${SAMPLE}Africa,3\n`, key);
    expect([other.status, other.json.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await added()).toBe(1);
  });

  it.each<[string, Record<string, string>, string | Buffer, number, string, string?]>([
    ['without a user', {}, SAMPLE, 400, 'invalid_request', 'user_id'],
    ['with an unknown field', { user_id: 'ana', bogus: '1' }, SAMPLE, 400, 'invalid_request', 'bogus'],
    [
      'with a field that is no number',
      { user_id: 'ana', max_rejects: 'x' },
      SAMPLE,
      400,
      'invalid_request',
      'max_rejects',
    ],
    ['with columns that are no JSON', { user_id: 'ana', columns: '{' }, SAMPLE, 400, 'invalid_request', 'columns'],
    [
      'with a column that is not there',
      { user_id: 'ana', columns: '{"x":"text"}' },
      SAMPLE,
      400,
      'invalid_request',
      'columns.x',
    ],
    ['with a file_id', { user_id: 'ana', file_id: 'x' }, SAMPLE, 400, 'invalid_request', 'file_id'],
    ['that is empty', { user_id: 'ana' }, '', 400, 'empty_file'],
    ['that is no text', { user_id: 'ana' }, 'PK\x03\x04....xl/workbook.xml', 415, 'not_a_text_file'],
    ['that is too large', { user_id: 'ana' }, Buffer.alloc((3 << 20) + 1, 'a,b\n'), 413, 'file_too_large'],
    ['that is much too large', { user_id: 'ana' }, Buffer.alloc(6 << 20, 'a,b\n'), 413, 'file_too_large'],
    [
      'with wrong fields, of megabytes',
      { bogus: '1' },
      Buffer.alloc(3 << 20, 'a,b\n'),
      400,
      'invalid_request',
      'user_id',
    ],
  ])('is refused %s, and nothing is kept', async (_what, fields, body, status, code, field) => {
    const answer = await send(fields, body);
    expect([answer.status, answer.json.code, answer.json.errors?.[0].field]).toEqual([status, code, field]);
    expect(await added()).toBe(0);
  });

  it('is refused when it is too large and its length was not given', async () => {
    const pieces = Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1 << 16, 'a,b\n')));
    const { status, json } = await send({ user_id: 'ana' }, Readable.toWeb(pieces) as ReadableStream);
    expect([status, json.code]).toEqual([413, 'file_too_large']);
    expect(await added()).toBe(0);
  });

  it('is refused by its header before the rest is there', async () => {
    const query = new URLSearchParams({ user_id: 'ana', columns: '{"nope":"text"}' });
    const answer = await sendRaw([...post(String(query)), 'Content-Length: 2000000'], 'Region,Units\nEurope,1\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('columns.nope');
    expect(await added()).toBe(0);
  });

  it('leaves nothing when the client disconnects, at any point', async () => {
    for (const [length, body] of [
      ['Content-Length: 900000', ''],
      ['Content-Length: 900000', 'a,b\n'],
      ['Content-Length: 900000', `a,b\n${'1,2\n'.repeat(50_000)}`],
      ['Transfer-Encoding: chunked', '4\r\na,b\n\r\n'],
    ] as const) {
      await sendRaw([...post('user_id=ana&task_name=away'), length], body, true);
    }
    await sleep(200);
    expect(await added()).toBe(0);
    expect(await taskNamed('away')).toBeUndefined();
  });
});

describe('a start', () => {
  it.each(['text/plain', 'text/tab-separated-values', 'application/octet-stream', 'application/xml'])(
    'does not accept a body of the type %s',
    async (type) => {
      const { status, json } = await send({ user_id: 'ana' }, SAMPLE, { 'content-type': type });
      expect([status, json.code]).toEqual([415, 'unsupported_media_type']);
      expect(json.detail).toContain('text/csv');
      expect(await added()).toBe(0);
    },
  );

  it('accepts no file as the body at another address', async () => {
    const response = await fetch(`${api.url}/download/start`, {
      method: 'POST',
      body: SAMPLE,
      headers: { 'content-type': 'text/csv' },
    });
    expect(response.status).toBe(415);
  });

  it.each([
    ['a form', () => ({ body: formOf({ user_id: 'ana' }) })],
    ['JSON', () => ({ body: '{"user_id":"ana"}', headers: { 'content-type': 'application/json' } })],
  ])('refuses fields in the query of %s, where they would have no effect', async (_what, init) => {
    const response = await fetch(`${api.url}/upload/start?max_rejects=3`, { method: 'POST', ...init() });
    const { errors } = (await response.json()) as { errors: { field: string; detail: string }[] };
    expect([response.status, errors[0]!.field]).toEqual([400, 'max_rejects']);
    expect(errors[0]!.detail).toContain('text/csv');
    expect(await added()).toBe(0);
  });

  it('keeps what it says of the values', async () => {
    const task_name = fresh();
    const fields = { user_id: 'ana', task_name, date_order: 'dmy', decimal_comma: 'true' };
    expect((await send(fields, SAMPLE)).status).toBe(202);
    expect((await taskNamed(task_name)).options).toMatchObject({ date_order: 'dmy', decimal_comma: true });
  });
});

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([SAMPLE]), 'x.csv');
  return form;
}
