import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { SAMPLE, useAddedFiles, useApi } from './support.js';

const api = useApi({ maxUploadBytes: 3 << 20 });
afterEach(() => {
  api.temporal.away = false;
});

const added = useAddedFiles(api);
const file = ['file', SAMPLE, 'sales.csv'] as ['file', string, string];
let count = 0;
const fresh = () => `task ${++count}`;

describe('POST /upload/start', () => {
  it('loads the sample when there is no file, under a name it makes up', async () => {
    const { status, headers, json } = await api.post('/upload/start', { user_id: 'ana' });
    expect(status).toBe(202);
    expect(json).toMatchObject({
      user_id: 'ana',
      kind: 'upload',
      state: 'queued',
      progress: 0,
      eta_seconds: null,
      table: null,
    });
    expect(json.task_name).toMatch(/^sample_data-[a-z0-9]{6}$/);
    expect(headers.get('location')).toBe(`/tasks/upload/${json.task_name}?user_id=ana`);
    expect(json.workflow_id).toBe(`upload/ana/${json.task_name}`);
    expect(await api.temporal.received(json.workflow_id)).toEqual(['start']);
    expect(await added()).toBe(1);
  });

  it('keeps what was found in the file while it arrived, unless the form then says to read it otherwise', async () => {
    const content = `one,two\n${'1,2.50\n'.repeat(300_000)}`;
    const parts = async (...behind: [string, string][]) => {
      const task_name = fresh();
      const large: [string, string, string] = ['file', content, 'large.csv'];
      const { status, json } = await api.form([['user_id', 'ana'], ['task_name', task_name], large, ...behind]);
      expect(status, JSON.stringify(json)).toBe(202);
      const { rows } = await api.pool.query(
        `SELECT part_no, byte_from, byte_to, first_row, rows, sha256, byte_offset, done FROM long_task.parts
          WHERE task_id = (SELECT id FROM long_task.tasks WHERE task_name = $1)`,
        [task_name],
      );
      return rows;
    };
    expect(await parts()).toEqual([
      {
        part_no: 1,
        byte_from: 8,
        byte_to: content.length,
        first_row: 1,
        rows: 300_000,
        sha256: createHash('sha256').update(content.slice(8)).digest('hex'),
        byte_offset: 8,
        done: false,
      },
    ]);
    expect(await parts(['dialect', '{"delimiter":";"}'])).toEqual([]);
  });

  it.each([
    ['before', (fields: [string, string][]) => [...fields, file]],
    ['behind', (fields: [string, string][]) => [file, ...fields]],
  ])('takes a file with the fields %s it, and numbers and objects as text', async (_where, order) => {
    const task_name = fresh();
    const fields: [string, string][] = [
      ['user_id', 'ana'],
      ['task_name', task_name],
      ['max_rejects', '7'],
      ['dialect', '{"delimiter":","}'],
      ['columns', '{"Region":"text"}'],
    ];
    const { status, json } = await api.form(order(fields));
    expect(status, JSON.stringify(json)).toBe(202);
    const { rows } = await api.pool.query('SELECT options, source FROM long_task.tasks WHERE task_name = $1', [
      task_name,
    ]);
    expect(rows[0].options).toEqual({
      max_rejects: 7,
      on_limit: 'pause',
      dialect: { delimiter: ',' },
      columns: { Region: 'text' },
    });
    expect(rows[0].source).toMatchObject({
      filename: 'sales.csv',
      size: SAMPLE.length,
      sha256: createHash('sha256').update(SAMPLE).digest('hex'),
    });
    expect(Buffer.concat(await api.store.openRead(rows[0].source.key).toArray()).toString()).toBe(SAMPLE);
  });

  it('takes a form without a file, trailing slash and all', async () => {
    const response = await fetch(`${api.url}/upload/start/`, {
      method: 'POST',
      body: new URLSearchParams({ user_id: 'ana', max_rejects: '3', on_limit: 'rollback' }),
    });
    expect(response.status).toBe(202);
  });

  it('brings names to one spelling', async () => {
    const { json } = await api.post('/upload/start', { user_id: 'ana', task_name: 'u\u0308ber' });
    expect(json.task_name).toBe('über');
    expect((await api.post('/upload/start', { user_id: 'ana', task_name: 'über' })).status).toBe(409);
  });

  it.each([
    ['an unknown field', { bogus: 1 }, 'bogus'],
    ['a slash in a name', { task_name: 'a/b' }, 'task_name'],
    ['a control character in a name', { task_name: 'a\nb' }, 'task_name'],
    ['an empty name', { task_name: '' }, 'task_name'],
    ['a name of 129 characters', { task_name: 'x'.repeat(129) }, 'task_name'],
    ['a number as text in JSON', { max_rejects: '3' }, 'max_rejects'],
    ['a negative limit', { max_rejects: -1 }, 'max_rejects'],
    ['a rate below 1024', { max_bytes_per_second: 1023 }, 'max_bytes_per_second'],
    ['a delimiter of nine characters', { dialect: { delimiter: '123456789' } }, 'dialect.delimiter'],
    ['an unknown field within', { dialect: { quoting: '"' } }, 'dialect.quoting'],
    ['a column without a name', { columns: [{ type: 'text' }] }, 'columns.0.name'],
    ['a share above all', { max_rejects: '101%' }, 'max_rejects'],
    ['an unknown type', { columns: { a: 'varchar); DROP TABLE x' } }, 'columns.a'],
    ['an array', { dialect: [] }, 'dialect'],
    ['a NUL in a column', { columns: { 'a\0': 'text' } }, 'columns.a\0'],
    ['a table name of 64 bytes', { table: 'ä'.repeat(32) }, 'table'],
    ['a table name with a dot', { table: 'sales.umsatz' }, 'table'],
    ['a table name in quotes', { table: '"Sales"' }, 'table'],
    ['a table name of spaces', { table: '   ' }, 'table'],
    ['a table name with a space at its end', { table: 'sales ' }, 'table'],
    ['a table name with a control character', { table: 'a\u0085b' }, 'table'],
    ['a table name with a line separator', { table: 'a\u2028b' }, 'table'],
    ['names too long for a workflow id', { user_id: '𝒳'.repeat(128), task_name: '𝒳'.repeat(128) }, 'task_name'],
  ])('refuses %s by the name of the field', async (_what, fields, field) => {
    const { status, headers, json } = await api.post('/upload/start', { user_id: 'ana', ...fields });
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(json).toMatchObject({ code: 'invalid_request', status: 400, instance: '/upload/start' });
    expect(json.errors.map((error: { field: string }) => error.field)).toEqual([field]);
    expect(json.errors[0].detail).toMatch(/must be|not a known field|not a valid name/);
    expect(await added()).toBe(0);
  });

  it.each([
    ['an empty file', '', 400, 'empty_file'],
    ['an Excel file', 'PK\x03\x04....xl/workbook.xml', 415, 'not_a_text_file'],
    ['UTF-32', Buffer.from([...'a,b\n1,2\n'].flatMap((c) => [c.charCodeAt(0), 0, 0, 0])), 415, 'unsupported_encoding'],
    ['a file that is too large', Buffer.alloc((3 << 20) + 1, 'a,b\n'), 413, 'file_too_large'],
    ['a much too large one', Buffer.alloc(6 << 20, 'a,b\n'), 413, 'file_too_large'],
  ])('refuses %s and keeps nothing', async (_what, content, status, code) => {
    const fields: [string, string][] = [['user_id', 'ana']];
    for (const parts of [
      [...fields, ['file', content, 'x.csv']],
      [['file', content, 'x.csv'], ...fields],
    ] as Parameters<typeof api.form>[0][]) {
      const answer = await api.form(parts);
      expect([answer.status, answer.json.code]).toEqual([status, code]);
    }
    expect(await added()).toBe(0);
  });

  it.each([
    ['a bad field behind the file', [file, ['user_id', 'ana'], ['bogus', '1']], 'bogus'],
    ['a bad field before the file', [['user_id', 'ana'], ['bogus', '1'], file], 'bogus'],
    [
      'a file under another name',
      [
        ['user_id', 'ana'],
        ['upload', SAMPLE, 'x.csv'],
      ],
      'upload',
    ],
    [
      'a file without a filename',
      [
        ['user_id', 'ana'],
        ['file', SAMPLE],
      ],
      'file',
    ],
    ['two files', [['user_id', 'ana'], file, file], 'file'],
    ['a field given twice', [['user_id', 'ana'], ['user_id', 'bob'], file], 'user_id'],
    ['no user', [file], 'user_id'],
    ['a file and a file_id', [['user_id', 'ana'], ['file_id', 'x'], file], 'file_id'],
  ] as [string, Parameters<typeof api.form>[0], string][])(
    'refuses a form with %s and keeps nothing',
    async (_what, parts, field) => {
      const { status, json } = await api.form(parts);
      expect(status).toBe(400);
      expect(json.errors[0].field).toBe(field);
      expect(await added()).toBe(0);
    },
  );

  it('says why a table cannot have a dot in its name', async () => {
    const { json } = await api.post('/upload/start', { user_id: 'ana', table: 'sales.umsatz' });
    expect(json.detail).toMatch(/without a dot \(.*schema public/);
    expect((await api.post('/upload/start', { user_id: 'ana', table: `it's 100 % — ok` })).status).toBe(202);
  });

  it('knows no finished resumable upload yet', async () => {
    expect((await api.post('/upload/start', { user_id: 'ana', file_id: 'abc' })).json).toMatchObject({
      status: 404,
      code: 'file_not_found',
    });
  });

  it('refuses a taken task name, before the file when it can', async () => {
    const task_name = fresh();
    await api.post('/upload/start', { user_id: 'ana', task_name });
    const fields: [string, string][] = [
      ['user_id', 'ana'],
      ['task_name', task_name],
    ];
    const before = await added();
    for (const parts of [
      [...fields, file],
      [file, ...fields],
    ]) {
      expect((await api.form(parts as Parameters<typeof api.form>[0])).json).toMatchObject({
        status: 409,
        code: 'task_exists',
      });
    }
    expect((await api.post('/upload/start', { user_id: 'bob', task_name })).status).toBe(202);
    expect((await added()) - before).toBe(1);
  });

  it('refuses a taken table name', async () => {
    await api.pool.query('CREATE TABLE public."My table" ()');
    const { json } = await api.form([['user_id', 'ana'], ['table', 'My table'], file]);
    expect(json).toMatchObject({ status: 409, code: 'table_exists' });
    expect(await added()).toBe(0);
  });

  it('takes the task when Temporal is away, and keeps the start in the outbox', async () => {
    api.temporal.away = true;
    const { status, json } = await api.post('/upload/start', { user_id: 'ana' });
    expect([status, json.state]).toEqual([202, 'queued']);
    const { rows } = await api.pool.query(
      'SELECT kind FROM long_task.outbox WHERE task_id = (SELECT id FROM long_task.tasks WHERE task_name = $1)',
      [json.task_name],
    );
    expect(rows).toEqual([{ kind: 'start' }]);
  });
});
