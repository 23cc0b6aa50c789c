import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { useApi } from './support.js';

const api = useApi();
const CONTENT = 'a,b\n1,2\n3,"x, y"\n';
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

/** An upload that has completed with a table of its own. */
async function completedUpload(): Promise<string> {
  const task_name = randomUUID();
  await api.post('/upload/start', { user_id: 'ana', task_name });
  await api.pool.query(`CREATE TABLE public."${task_name}" (_row bigint, a int)`);
  await api.pool.query(
    `UPDATE long_task.tasks SET state = 'completed', table_name = $2, table_oid = to_regclass($2), columns = $3, receipt = '{"rows_loaded": 5, "rows_in_file": 5, "bytes": 1}' WHERE task_name = $1`,
    [
      task_name,
      `"public"."${task_name}"`,
      JSON.stringify([{ original: 'A!', name: 'a', type: 'integer', evidence: '' }]),
    ],
  );
  return task_name;
}

describe('POST /download/start', () => {
  beforeAll(async () => {
    await api.pool.query('CREATE SCHEMA "My schema"');
    await api.pool.query('CREATE TABLE "My schema"."a.b ""q""" (x int)');
    await api.pool.query('CREATE TABLE public.plain (x int)');
    await api.pool.query('CREATE TABLE public."Mixed" (x int)');
  });

  it('exports the table of a completed upload under the same name, with its header', async () => {
    const task_name = await completedUpload();
    const { status, headers, json } = await api.post('/download/start', { user_id: 'ana', task_name });
    expect([status, json.kind, json.task_name, json.rows.total]).toEqual([202, 'download', task_name, 5]);
    expect(headers.get('location')).toBe(`/tasks/download/${task_name}?user_id=ana`);
    const { rows } = await api.pool.query(
      `SELECT options, columns, to_regclass($2)::oid AS oid FROM long_task.tasks WHERE kind = 'download' AND task_name = $1`,
      [task_name, `public."${task_name}"`],
    );
    const table = { table: `"public"."${task_name}"`, table_oid: rows[0].oid };
    expect(rows[0].options).toEqual({ ...table, consistency: 'live', formulas: 'raw' });
    expect(rows[0].columns[0]).toMatchObject({ original: 'A!', number: 2 });
    expect((await api.post('/download/start', { user_id: 'ana', task_name })).json.code).toBe('task_exists');
  });

  it('exports one upload as often as one likes, under names of their own', async () => {
    const upload = await completedUpload();
    const start = (fields: object) => api.post('/download/start', { user_id: 'ana', ...fields });
    expect((await start({ task_name: upload })).status).toBe(202);
    expect((await start({ upload, task_name: `${upload} again` })).json).toMatchObject({
      task_name: `${upload} again`,
      table: `"public"."${upload}"`,
      rows: { total: 5 },
    });
    const [one, other] = [await start({ upload }), await start({ upload })];
    expect(one.json.task_name).toMatch(new RegExp(`^${upload}-[a-z0-9]{6}$`));
    expect(other.json.task_name).not.toBe(one.json.task_name);
    const { rows } = await api.pool.query(
      `SELECT columns -> 0 ->> 'original' AS header FROM long_task.tasks WHERE kind = 'download' AND starts_with(task_name, $1)`,
      [upload],
    );
    expect(rows.map((row) => row.header)).toEqual(['A!', 'A!', 'A!', 'A!']);
  });

  it('refuses upload and table at once, and says whose fault an unknown upload is', async () => {
    const both = await api.post('/download/start', { user_id: 'ana', upload: 'x', table: 'public.plain' });
    expect([both.status, both.json.errors[0].field]).toEqual([400, 'upload']);
    const none = await api.post('/download/start', { user_id: 'ana', upload: 'no such', task_name: 'a name' });
    expect([none.status, none.json.code]).toEqual([404, 'task_not_found']);
    expect(none.json.detail).toContain('no such');
    expect((await api.post('/download/start', { user_id: 'ana', upload: 'a/b' })).json.errors[0].field).toBe('upload');
  });

  it.each([
    [
      { newline: 'crlf', bom: true },
      { newline: '\r\n', bom: true, delimiter: ',', quoted: 'needed' },
    ],
    [
      { newline: '\n', delimiter: '\t', quote: 'all' },
      { newline: '\n', delimiter: '\t', quoted: 'all', quoted_header: true },
    ],
    [{ compression: 'gzip' }, { compression: 'gzip', encoding: 'utf-8' }],
  ])('stores the format of the file: %j', async (asked, format) => {
    const name = randomUUID();
    await api.post('/download/start', { user_id: 'ana', table: 'public.plain', task_name: name, ...asked });
    const { rows } = await api.pool.query('SELECT options FROM long_task.tasks WHERE task_name = $1', [name]);
    expect(rows[0].options.format).toMatchObject(format);
  });

  it('takes booleans and lists from a form', async () => {
    const form = new URLSearchParams({ user_id: 'ana', table: 'public.plain', bom: 'true', columns: '["x"]' });
    const answer = await fetch(`${api.url}/download/start`, { method: 'POST', body: form });
    expect(answer.status).toBe(202);
  });

  it.each([
    [{ columns: ['X!'] }, 'columns', '"x"'],
    [{ columns: [] }, 'columns', 'a list of 1 to'],
    [{ newline: 'cr' }, 'newline', 'crlf'],
    [{ delimiter: '::' }, 'delimiter', '";"'],
    [{ like_source: true }, 'like_source', 'left out with table'],
    [{ compression: 'zip' }, 'compression', 'gzip'],
  ])('refuses %j and says what is allowed', async (asked, field, words) => {
    const { status, json } = await api.post('/download/start', { user_id: 'ana', table: 'public.plain', ...asked });
    expect([status, json.errors[0].field]).toEqual([400, field]);
    expect(json.errors[0].detail).toContain(words);
  });

  it('exports the named columns of an upload, by their names in the file or in the table', async () => {
    const upload = await completedUpload();
    for (const name of ['A!', 'a']) {
      const { json } = await api.post('/download/start', { user_id: 'ana', upload, columns: [name] });
      const { rows } = await api.pool.query('SELECT columns FROM long_task.tasks WHERE task_name = $1', [
        json.task_name,
      ]);
      expect(rows[0].columns).toMatchObject([{ original: 'A!', number: 2 }]);
    }
    const wrong = await api.post('/download/start', { user_id: 'ana', upload, columns: ['A?'] });
    expect(wrong.json.errors[0].detail).toContain('"A!"');
  });

  it('refuses an upload whose table has lost a column, and says what to do', async () => {
    const upload = await completedUpload();
    await api.pool.query(`ALTER TABLE public."${upload}" RENAME a TO b`);
    expect((await api.post('/download/start', { user_id: 'ana', upload })).status).toBe(202);
    await api.pool.query(`ALTER TABLE public."${upload}" DROP b, ADD a int`);
    const { json } = await api.post('/download/start', { user_id: 'ana', upload });
    expect(json).toMatchObject({ status: 409, code: 'target_changed' });
    expect(json.detail).toMatch(/has lost 1 of the columns .*: "a"\. Name the others in columns, or export/);
  });

  it('warns where an export cannot be like the uploaded file', async () => {
    const upload = await completedUpload();
    const { json } = await api.post('/download/start', { user_id: 'ana', upload, like_source: true });
    expect(json.warnings).toContain('The export cannot be like the uploaded file: an earlier version has loaded it.');
  });

  it('says what to do when a completed download has the name', async () => {
    const task_name = await completedUpload();
    await api.post('/download/start', { user_id: 'ana', task_name });
    await api.pool.query(`UPDATE long_task.tasks SET state = 'completed' WHERE kind = 'download' AND task_name = $1`, [
      task_name,
    ]);
    const { json } = await api.post('/download/start', { user_id: 'ana', task_name });
    expect(json).toMatchObject({ status: 409, code: 'task_exists', current_state: 'completed' });
    expect(json.detail).toMatch(/"upload".*DELETE \/tasks\/download\//);
  });

  it('refuses an upload that is not there, not completed, or whose table is gone', async () => {
    expect((await api.post('/download/start', { user_id: 'ana', task_name: 'none' })).json.code).toBe('task_not_found');
    await api.post('/upload/start', { user_id: 'ana', task_name: 'waiting' });
    expect((await api.post('/download/start', { user_id: 'ana', task_name: 'waiting' })).json).toMatchObject({
      status: 409,
      code: 'upload_incomplete',
      current_state: 'queued',
    });
    const task_name = await completedUpload();
    await api.pool.query(`DROP TABLE public."${task_name}"`);
    expect((await api.post('/download/start', { user_id: 'ana', task_name })).json.code).toBe('table_not_found');
  });

  it.each([
    ['public.plain', '"public"."plain"'],
    ['PUBLIC.Plain', '"public"."plain"'],
    ['public.Mixed', '"public"."Mixed"'],
    ['public."Mixed"', '"public"."Mixed"'],
    ['"My schema"."a.b ""q"""', '"My schema"."a.b ""q"""'],
  ])('finds %s', async (written, found) => {
    const { status, json } = await api.post('/download/start', {
      user_id: 'ana',
      table: written,
      consistency: 'frozen',
      formulas: 'escape',
    });
    expect([status, json.table]).toEqual([202, found]);
  });

  it.each([
    ['public.none', 404, 'table_not_found'],
    ['public."plain""; DROP TABLE x"', 404, 'table_not_found'],
    ['public."mixed"', 404, 'table_not_found'],
    ['pg_catalog.pg_class', 404, 'table_not_found'],
    ['information_schema.tables', 404, 'table_not_found'],
    ['long_task.tasks', 404, 'table_not_found'],
    ['Long_Task.tasks', 404, 'table_not_found'],
    ['plain', 400, 'invalid_request'],
    ['a.b.c', 400, 'invalid_request'],
    ['public."open', 400, 'invalid_request'],
    ['public.\0a', 400, 'invalid_request'],
  ])('refuses %j', async (table, status, code) => {
    const { json } = await api.post('/download/start', { user_id: 'ana', table });
    expect([json.status, json.code]).toEqual([status, code]);
  });

  it('needs an upload or a table', async () => {
    expect((await api.post('/download/start', { user_id: 'ana' })).json.errors[0].field).toBe('task_name');
  });

  it('answers a repeated request with the same task', async () => {
    const body = { user_id: 'ana', table: 'public.plain' };
    const [first, again] = [
      await api.post('/download/start', body, { 'idempotency-key': 'd' }),
      await api.post('/download/start', body, { 'idempotency-key': 'd' }),
    ];
    expect(again.json.task_name).toBe(first.json.task_name);
    expect(
      (await api.post('/download/start', { ...body, formulas: 'escape' }, { 'idempotency-key': 'd' })).status,
    ).toBe(422);
  });
});

describe('GET the file', () => {
  const url = '/tasks/download/v%C3%BDsledek%201/file?user_id=ana';
  beforeAll(async () => {
    const stored = await api.store.putHashed('results/x/result', Readable.from([Buffer.from(CONTENT)]));
    await api.post('/download/start', { user_id: 'ana', task_name: 'výsledek 1', table: 'public.plain' });
    expect((await api.get(url)).json).toMatchObject({ status: 409, code: 'file_not_ready', current_state: 'queued' });
    await api.pool.query(`UPDATE long_task.tasks SET state = 'completed', result = $1 WHERE task_name = 'výsledek 1'`, [
      JSON.stringify({ key: 'results/x/result', ...stored }),
    ]);
  });

  it('comes whole, as an attachment that no browser runs or caches', async () => {
    const { json } = await api.post('/download/progress', { user_id: 'ana', task_name: 'výsledek 1' });
    expect(json.download_url).toBe(url);
    const { status, headers, text } = await api.get(url);
    expect([status, text]).toEqual([200, CONTENT]);
    expect(Object.fromEntries(headers)).toMatchObject({
      etag: `"${SHA256}"`,
      'accept-ranges': 'bytes',
      'content-length': String(CONTENT.length),
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="v_sledek 1.csv"; filename*=UTF-8''v%C3%BDsledek%201.csv`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
  });

  it('answers HEAD without the file', async () => {
    const response = await fetch(api.url + url, { method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([
      200,
      String(CONTENT.length),
      '',
    ]);
  });

  it.each([
    ['bytes=0-2', 206, CONTENT.slice(0, 3), `bytes 0-2/${CONTENT.length}`],
    ['bytes=4-', 206, CONTENT.slice(4), `bytes 4-${CONTENT.length - 1}/${CONTENT.length}`],
    ['bytes=-3', 206, CONTENT.slice(-3), `bytes ${CONTENT.length - 3}-${CONTENT.length - 1}/${CONTENT.length}`],
    ['bytes=-999', 206, CONTENT, `bytes 0-${CONTENT.length - 1}/${CONTENT.length}`],
    ['bytes=0-999', 206, CONTENT, `bytes 0-${CONTENT.length - 1}/${CONTENT.length}`],
    ['bytes=3-1', 200, CONTENT, null],
    ['bytes=0-1,3-4', 200, CONTENT, null],
    ['rows=1-2', 200, CONTENT, null],
  ])('answers the range %s', async (range, status, text, contentRange) => {
    const answer = await api.get(url, { range });
    expect([answer.status, answer.text, answer.headers.get('content-range')]).toEqual([status, text, contentRange]);
  });

  it.each([`bytes=${CONTENT.length}-`, 'bytes=-0'])('refuses the range %s', async (range) => {
    const { status, headers, json } = await api.get(url, { range });
    expect([status, json.code, headers.get('content-range')]).toEqual([
      416,
      'range_not_satisfiable',
      `bytes */${CONTENT.length}`,
    ]);
    expect(headers.get('content-type')).toBe('application/problem+json');
  });

  it('gives a range only of the file that is meant', async () => {
    expect((await api.get(url, { range: 'bytes=0-2', 'if-range': `"${SHA256}"` })).status).toBe(206);
    expect((await api.get(url, { range: 'bytes=0-2', 'if-range': '"other"' })).status).toBe(200);
    expect((await api.get(url, { 'if-none-match': `"${SHA256}"` })).status).toBe(304);
  });

  it('is not found for another user, nor after its removal', async () => {
    expect((await api.get(url.replace('=ana', '=bob'))).json.code).toBe('task_not_found');
    await api.store.remove('results/x/result');
    expect((await api.get(url)).json.code).toBe('file_not_found');
  });
});

describe('a completed download whose result file is gone', () => {
  const body = { user_id: 'lena', task_name: 'lost', table: 'public.plain' };
  const address = '/tasks/download/lost?user_id=lena';

  async function completed(content: string): Promise<string> {
    const { status } = await api.post('/download/start', body);
    expect(status).toBe(202);
    const key = `results/${randomUUID()}/result`;
    const result = { key, ...(await api.store.putHashed(key, Readable.from([Buffer.from(content)]))) };
    await api.pool.query(
      `UPDATE long_task.tasks SET state = 'completed', result = $1, finished_at = now()
        WHERE task_name = 'lost' AND superseded_at IS NULL`,
      [JSON.stringify(result)],
    );
    return key;
  }

  it('says so wherever it is read, and gives up its name to a new start', async () => {
    const key = await completed('a\n1\n');
    const there = await api.get(address);
    expect(there.json).toMatchObject({ download_url: expect.stringContaining('/file'), warnings: [] });
    expect((await api.post('/download/start', body)).json.code).toBe('task_exists');
    await api.store.remove(key);
    const gone = await api.get(address, { 'if-none-match': there.headers.get('etag')! });
    const asked = await api.post('/download/progress', { user_id: 'lena', task_name: 'lost' });
    const [listed] = (await api.get('/tasks?user_id=lena')).json.tasks;
    for (const task of [gone.json, asked.json, listed]) {
      expect(task).toMatchObject({ state: 'completed', download_url: null });
      expect(task.warnings).toEqual([expect.stringMatching(/gone.*Start the download again/)]);
    }
    const started = await api.post('/download/start', body);
    expect([started.status, started.json.state]).toEqual([202, 'queued']);
    const [past] = (await api.get('/tasks?user_id=lena&history=true')).json.tasks;
    expect(past).toMatchObject({ state: 'completed', download_url: null });
  });

  it('is not one whose file has only come back', async () => {
    await api.pool.query(`UPDATE long_task.tasks SET state = 'failed' WHERE task_name = 'lost'`);
    const key = await completed('a\n1\n');
    const file = api.store.openRead(key);
    const content = Buffer.concat(await file.toArray());
    await api.store.remove(key);
    expect((await api.get(address)).json.download_url).toBeNull();
    await api.store.put(key, Readable.from([content]));
    expect((await api.get(address)).json).toMatchObject({ download_url: expect.any(String), warnings: [] });
    await api.store.remove(key);
    await api.store.put(key, Readable.from([Buffer.from('other')]));
    expect((await api.get(address)).json.warnings).toHaveLength(1);
  });
});
