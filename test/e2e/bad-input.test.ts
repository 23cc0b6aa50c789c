import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/client/api-error.js';
import type { Task } from '../../src/contract/task.js';
import { useService } from './service.js';

const service = useService();

/** How an upload of the content ends: refused by the API, or as a task. */
async function fate(content: string | Buffer): Promise<{ code: string | undefined; row?: number; task?: Task }> {
  try {
    const key = await service.upload(content);
    const task = await service.client.waitFor(key, ['completed', 'failed', 'paused']);
    if (task.state === 'paused') {
      await service.client.command('terminate', key);
      await service.client.waitFor(key, ['terminated']);
    }
    return { code: task.error?.code, row: task.error?.row, task };
  } catch (error) {
    if (error instanceof ApiError) return { code: error.problem.code };
    throw error;
  }
}

describe('a file that cannot be read is refused with a clear error, and nothing is left of it', () => {
  it.each<[string, string | Buffer, string, number | undefined]>([
    ['an empty file', '', 'empty_file', undefined],
    ['an Excel file named .csv', Buffer.from('504b0304140006000800000021', 'hex'), 'not_a_text_file', undefined],
    [
      'UTF-32',
      Buffer.from([...'a,b\n1,2\n'].flatMap((c) => [c.charCodeAt(0), 0, 0, 0])),
      'unsupported_encoding',
      undefined,
    ],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('a,b\n1,äöüäöüäöüäöüäöüäöüäöüäöü\n3,'), Buffer.from([0xe4]), Buffer.from('\n')]),
      'invalid_utf8',
      2,
    ],
    ['a quote that never closes', 'a,b\n1,2\n"3,4\n5,6\n', 'unclosed_quote', 2],
    [
      '1,601 columns',
      `${Array.from({ length: 1601 }, (_, i) => `c${i}`).join(',')}\n${','.repeat(1600)}\n`,
      'too_many_columns',
      undefined,
    ],
    ['a row with too few fields', 'a,b\n1,2\n3\n', 'reject_limit', 2],
    ['a row with too many fields', 'a,b\n1,2,3\n', 'reject_limit', 1],
    ['a NUL byte', 'a,b\n1,2\n3,x\0y\n', 'reject_limit', 2],
    ['a quote inside an unquoted value', 'a,b\n1,5" pipe\n', 'reject_limit', 1],
  ])('%s', async (_, content, code, row) => {
    expect(await fate(content)).toMatchObject({ code, ...(row !== undefined && { row }) });
  });
});

describe('a file that looks odd loads all the same', () => {
  it.each<[string, string, string[]]>([
    ['a header and no rows', 'a,b\n', ['a', 'b']],
    ['two headers of the same name', 'a,a\n1,2\n', ['a', 'a_2']],
    ['an empty header', 'a,,b\n1,2,3\n', ['a', 'column_2', 'b']],
    ['a header named _row', '_row,a\n1,2\n', ['_row_2', 'a']],
    ['a header that is a keyword', 'select,from\n1,2\n', ['select', 'from']],
    ['a header with a quote', '"a""b",c\n1,2\n', ['a"b', 'c']],
    ['a header that would be SQL', 'x); DROP TABLE y;--,z\n1,2\n', ['x); DROP TABLE y;--', 'z']],
    ['a header of 200 bytes', `${'é'.repeat(100)},b\n1,2\n`, ['é'.repeat(31), 'b']],
    ['names of system columns', 'ctid,xmin,tableoid\n1,2,3\n', ['ctid_2', 'xmin_2', 'tableoid_2']],
  ])('%s', async (_, content, names) => {
    const task = await service.uploaded(content);
    expect(task.receipt!.columns.map((column) => column.name)).toEqual(names);
    expect(await service.exported({}, task.task_name)).toBe(content);
  });

  it('a value out of range for its type after many rows, since types come from the whole file', async () => {
    const rows = [...Array.from({ length: 150_000 }, (_, i) => `${i},${i}`), '3000000000,n/a'];
    const task = await service.uploaded(`a,b\n${rows.join('\n')}\n`);
    expect(task.receipt!.columns.map((column) => column.type)).toEqual(['bigint', 'text']);
  });

  it.each([
    ['CRLF and a BOM', '\ufeffa,b\r\n1,"x\r\ny"\r\n', 'a,b\n1,"x\r\ny"\n'],
    ['CR', 'a,b\r1,"x, y"\r2,z\r', 'a,b\n1,"x, y"\n2,z\n'],
    ['semicolons', 'a;b\n1,5;x\n2,5;y\n', 'a,b\n"1,5",x\n"2,5",y\n'],
    ['tabs', 'a\tb\n1\tx\n', 'a,b\n1,x\n'],
    ['pipes', 'a|b\n1|x\n2|y\n', 'a,b\n1,x\n2,y\n'],
    ['no line end at the end', 'a,b\n1,x', 'a,b\n1,x\n'],
    ['007, NULL and the empty string', 'a,b,c\n007,,""\n', 'a,b,c\n007,,""\n'],
    ['one column with a line of backslash and dot', 'a\nx\n\\.\ny\n', 'a\nx\n"\\."\ny\n'],
    ['mixed line ends', 'a,b\n1,x\r\n2,y\n', 'a,b\n1,x\n2,y\n'],
    ['an unquoted CR inside a value', 'a,b\n1,x\ry\n2,z\n', 'a,b\n1,"x\ry"\n2,z\n'],
  ])('%s', async (_, content, expected) => {
    const task = await service.uploaded(content);
    expect(await service.exported({}, task.task_name)).toBe(expected);
  });
});

describe('requests that cannot be fulfilled say why', () => {
  it('a task name that is already in use', async () => {
    const task = await service.uploaded('a\n1\n');
    await expect(service.client.uploadSample({ user_id: 'ana', task_name: task.task_name })).rejects.toMatchObject({
      status: 409,
      problem: { code: 'task_exists' },
    });
  });

  it('an unknown task, a pause of a finished task, a resume of a running one', async () => {
    const unknown = { kind: 'upload', user_id: 'ana', task_name: 'nobody' } as const;
    await expect(service.client.command('pause', unknown)).rejects.toMatchObject({
      status: 404,
      problem: { code: 'task_not_found' },
    });
    const task = await service.uploaded('a\n1\n');
    const key = { kind: 'upload', user_id: 'ana', task_name: task.task_name } as const;
    await expect(service.client.command('pause', key)).rejects.toMatchObject({
      status: 409,
      problem: { code: 'illegal_transition', current_state: 'completed', allowed_actions: [] },
    });
  });
});

describe('a download', () => {
  it('of a table with quotes in its name, without a key, of an empty one, and of one with a key of two columns', async () => {
    await service.pool.query(`CREATE SCHEMA "my schema"; CREATE TABLE "my schema"."a""b" (x int, "y z" text);
      INSERT INTO "my schema"."a""b" VALUES (1, 'one'), (2, NULL), (3, '');
      CREATE TABLE public.empty (a int, b text); CREATE TABLE public.pair (a int, b text, c numeric, PRIMARY KEY (b, a));
      INSERT INTO public.pair SELECT i % 10, 'k' || i, i FROM generate_series(1, 200000) i`);
    expect(await service.exported({ table: '"my schema"."a""b"' })).toBe('x,y z\n1,one\n2,\n3,""\n');
    expect(await service.exported({ table: 'public.empty' })).toBe('a,b\n');
    const pair = (await service.exported({ table: 'public.pair' })).trim().split('\n');
    expect(new Set(pair).size).toBe(200_001);
    expect(await service.exported({ table: 'public.pair', consistency: 'frozen' })).toHaveLength(
      pair.join('\n').length + 1,
    );
  });

  it('of a locked table that is yet to be granted is answered 503 soon', async () => {
    await service.pool.query(
      'CREATE TABLE public.locked (a int); REVOKE SELECT ON public.locked FROM long_task_export',
    );
    const client = await service.pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE public.locked`);
      const answer = service.client.download({ user_id: 'ana', task_name: 'locked' }, { table: 'public.locked' });
      await expect(answer).rejects.toMatchObject({ status: 503 });
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    expect(await service.exported({ table: 'public.locked' })).toBe('a\n');
  });

  it('of a table that does not exist, or is not for anyone, is refused', async () => {
    for (const table of ['public.nothing', 'pg_catalog.pg_authid', 'long_task.tasks', 'information_schema.tables']) {
      const answer = service.client.download({ user_id: 'ana', task_name: 'x' }, { table });
      await expect(answer).rejects.toMatchObject({ status: 404, problem: { code: 'table_not_found' } });
    }
  });

  it('with formulas escaped guards text and leaves numbers, NULL and the empty string as they are', async () => {
    const task = await service.uploaded('n,t,u\n-5,=1+1,\n7,@x,""\n8,plain,"a,b"\n');
    const escaped = await service.exported({ table: task.table!, formulas: 'escape' });
    expect(escaped).toBe(`_row,n,t,u\n1,-5,'=1+1,\n2,7,'@x,""\n3,8,plain,"a,b"\n`);
  });
});
