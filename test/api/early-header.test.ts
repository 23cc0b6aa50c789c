import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type FormPart, useAddedFiles, useApi } from './support.js';

const api = useApi({ maxUploadBytes: 20 << 20 });
const added = useAddedFiles(api);

const FIELDS: [string, string][] = [
  ['user_id', 'ana'],
  ['task_name', 'early'],
];
const columns = (value: object): [string, string] => ['columns', JSON.stringify(value)];

async function expectNothingMade(): Promise<void> {
  expect(await added()).toBe(0);
  const { rows } = await api.pool.query(`SELECT FROM long_task.tasks WHERE task_name = 'early'`);
  expect(rows).toEqual([]);
}

/** Sends the beginning of a form and of its file, then stops. Resolves to the answer. */
async function answerTo(
  fields: [string, string][],
  beginning: string | Buffer,
): Promise<{ status: number; body: string }> {
  const socket = net.connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.on('error', () => {});
  const parts = fields.map(
    ([name, value]) => `--xyz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  socket.write(
    'POST /upload/start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 19000000\r\n\r\n',
  );
  socket.write(`${parts.join('')}--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`);
  socket.write(beginning);
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
  });
  for (let i = 0; i < 60 && !answer.includes('}'); i++) await sleep(50);
  socket.destroy();
  return { status: Number(answer.slice(9, 12)), body: answer.slice(answer.indexOf('{')) };
}

describe('a start is refused by the header alone, before the file is received:', () => {
  it('a column that is not there, with the nearest that are', async () => {
    const rows = 'Region,Units,Unit Price\nEurope,1,2\n';
    const { status, body } = await answerTo([...FIELDS, columns({ Regoin: 'text', 'unit price': 'numeric' })], rows);
    expect(status).toBe(400);
    const { code, errors, detail, column } = JSON.parse(body);
    expect([code, column]).toEqual(['invalid_request', 'Regoin']);
    expect(errors.map(({ field }: { field: string }) => field)).toEqual(['columns.Regoin', 'columns.unit price']);
    expect(errors[0].detail).toMatch(/not a column of the file.*are "Region",/);
    expect(errors[1].detail).toMatch(/are "Unit Price",/);
    expect(detail).toContain('columns.Regoin');
    await expectNothingMade();
  });

  it.each([
    ['a column, by every delimiter that may be meant', 'a;b,c\nx;y,z\n'],
    ['a column, in a header of 50 kB', `${Array.from({ length: 1500 }, (_, i) => `a column of number ${i}`)}\n1,2\n`],
    ['a column, after a byte order mark and a line that names the delimiter', '\ufeffsep=;\r\na;b\r\n1;2\r\n'],
  ])('%s', async (_what, beginning) => {
    const { status, body } = await answerTo([...FIELDS, columns({ nope: 'text' })], beginning);
    expect([status, JSON.parse(body).column]).toEqual([400, 'nope']);
    await expectNothingMade();
  });

  it.each([
    ['too many columns', `${','.repeat(1600)}\n`, 422, 'too_many_columns'],
    ['a header line without an end', 'a,b,', 422, 'record_too_large'],
    ['a quote that never closes in it', 'a,"b\n', 422, 'unclosed_quote'],
  ])('%s, of a file that is sent whole or not', async (_what, header, status, code) => {
    const file = (bytes: number) => Buffer.concat([Buffer.from(header, 'latin1'), Buffer.alloc(bytes, '1,2')]);
    const whole = await api.form([...FIELDS, ['file', file(3_000), 'a.csv']]);
    // Of a whole file the header may end at its end.
    if (code !== 'record_too_large') expect([whole.status, whole.json.code]).toEqual([status, code]);
    else expect(whole.status).toBe(202);
    await api.pool.query(`DELETE FROM long_task.tasks WHERE task_name = 'early'`);
    const beginning = await answerTo(FIELDS, file(1_200_000));
    expect([beginning.status, JSON.parse(beginning.body).code]).toEqual([status, code]);
    const { rows } = await api.pool.query(`SELECT FROM long_task.tasks WHERE task_name = 'early'`);
    expect(rows).toEqual([]);
  });
});

describe('a file is not refused for what is right:', () => {
  const rows = (line: string) => line.repeat(30_000);
  it.each([
    ['semicolons', 'Näme;b,c\n', rows('1;2\n'), { Näme: 'text', 'b,c': 'integer' }],
    ['a delimiter that only the rows speak for', 'a,b;c\n', rows('1;2\n'), { 'a,b': 'integer' }],
    ['bare CRs', 'a,b\r', rows('1,2\r'), { b: 'integer' }],
    ['a CR in a name', '"a\rb",c\n', rows('1,2\n'), { 'a\rb': 'integer', c: 'text' }],
    ['a header that begins with blank lines', '\n\r\na,b\n', rows('1,2\n'), { b: 'integer' }],
    ['two columns of one name', 'a,a\n', rows('1,2\n'), { a: 'integer' }],
  ])('%s', async (what, header, content, types) => {
    const form: FormPart[] = [
      ['user_id', 'ana'],
      ['task_name', what],
      columns(types),
      ['file', header + content, 'a.csv'],
    ];
    const { status, text } = await api.form(form);
    expect(status, text).toBe(202);
  });
});

describe('fields after the file are checked before a task is made:', () => {
  const file: FormPart = ['file', 'Region;Units\nEurope;1\n', 'a.csv'];
  it.each<[string, FormPart[]]>([
    ['columns', [...FIELDS, file, columns({ Unit: 'integer' })]],
    ['the dialect', [...FIELDS, columns({ Units: 'integer' }), file, ['dialect', '{"delimiter":","}']]],
    ['both', [file, ...FIELDS, ['dialect', '{"delimiter":"|"}'], columns({ Units: 'integer' })]],
  ])('%s', async (_what, form) => {
    for (const headers of [{}, { 'idempotency-key': 'early' }] as Record<string, string>[]) {
      const { status, json } = await api.form(form, headers);
      expect([status, json.code]).toEqual([400, 'invalid_request']);
      expect(json.errors[0].field).toMatch(/^columns\.Units?$/);
    }
    await expectNothingMade();
  });

  it('and of the sample, whose name and key are then free', async () => {
    const key = { 'idempotency-key': 'sample' };
    const start = (types: object) =>
      api.post('/upload/start', { user_id: 'ana', task_name: 'early', columns: types }, key);
    for (let i = 0; i < 2; i++) {
      const { status, json } = await start({ 'Order Id': 'text' });
      expect([status, json.errors[0].field]).toEqual([400, 'columns.Order Id']);
      expect(json.detail).toContain('"Order ID"');
    }
    await expectNothingMade();
    expect((await start({ 'Order ID': 'text' })).status).toBe(202);
    expect((await start({ 'Order ID': 'text' })).status).toBe(202);
    await api.pool.query(`DELETE FROM long_task.tasks WHERE task_name = 'early'`);
  });
});
