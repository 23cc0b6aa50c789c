import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/contract/task.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { useService } from './service.js';

const service = useService();

async function rejectsOf(task: Task): Promise<Buffer> {
  const url = `${service.client.api}/tasks/upload/${task.task_name}/rejects?user_id=${task.user_id}`;
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}

async function correct(
  task: Task,
  content: string | Buffer,
): Promise<{ status: number; body: Task & { detail?: string } }> {
  const form = new FormData();
  form.set('user_id', task.user_id);
  form.set('task_name', task.task_name);
  form.set('file', new Blob([content as string]), 'corrected.csv');
  const answer = await fetch(`${service.client.api}/upload/rejects`, { method: 'POST', body: form });
  return { status: answer.status, body: (await answer.json()) as Task & { detail?: string } };
}

const corrected = (rows: [number, string][]) =>
  `row,raw\n${rows.map(([row, raw]) => `${formatRecord([`${row}`, raw], { delimiter: ',', quoteAll: true })}\n`).join('')}`;

async function rowsOf(task: Task): Promise<string[]> {
  const { rows } = await service.pool.query(`SELECT * FROM ${task.table} ORDER BY _row`);
  return rows.map((row) => Object.values(row).map(String).join(' '));
}

describe('rejects', () => {
  it('hold the whole record, byte for byte', async () => {
    const long = `2,"${'x'.repeat(500)}\r\n""y""\t'","more","=1+1"`;
    const task = await service.uploaded(`a,b,c\n1,x,y\n${long}\n3,y\0,z\n`, { max_rejects: 5 });
    const reason = 'the row has 4 fields, the header has 3';
    const nul = 'the row holds a NUL byte, which PostgreSQL text cannot hold';
    expect((await rejectsOf(task)).toString()).toBe(
      'row,byte_offset,column,code,reason,value,raw\n' +
        `2,12,,too_many_fields,"${reason}",,"${long.replaceAll('"', '""')}"\n` +
        `3,${12 + long.length + 1},b,nul_byte,"${nul}",,"3,y\0,z"\n`,
    );
  });

  it('are loaded once they are corrected, under their own numbers, until the task is clean', async () => {
    const fields = { max_rejects: 9, columns: { d: 'date' } } as const;
    const task = await service.uploaded(
      'n,d,t\n1,2024-01-01,a\n2,01.02.2024,b\n3,2024-01-03\n4,2024-01-04,d\n',
      fields,
    );
    expect(task.receipt).toMatchObject({ rows_in_file: 4, rows_loaded: 2, rows_rejected: 2 });

    const half = await correct(
      task,
      corrected([
        [2, '2,2024-02-01,"b ""2"""'],
        [3, '3,2024-13-03,c'],
      ]),
    );
    expect([half.status, half.body.receipt]).toMatchObject([
      200,
      { rows_in_file: 4, rows_loaded: 3, rows_rejected: 1 },
    ]);
    const left = (await rejectsOf(task)).toString();
    expect(left).toContain('\n3,');
    expect(left).toContain(',d,invalid_value,');
    expect(left).toContain('"3,2024-13-03,c"\n');

    const again = await correct(
      task,
      corrected([
        [2, '2,2024-02-01,twice'],
        [3, '3,2024-01-03,"c\nd"'],
      ]),
    );
    expect(again.body.receipt).toMatchObject({ rows_loaded: 4, rows_rejected: 0 });
    expect(again.body.rows).toMatchObject({ rejected: 0 });
    expect((await rowsOf(task)).map((row) => row.replace(/ \w{3} \w{3} \d\d .*\) /, ' '))).toEqual([
      '1 1 a',
      '2 2 b "2"',
      '3 3 c\nd',
      '4 4 d',
    ]);
    expect((await rejectsOf(task)).toString().split('\n')).toHaveLength(2);
    expect(await service.exported({}, task.task_name)).toContain('2,2024-02-01,"b ""2"""\n3,2024-01-03,"c\nd"\n');
  });

  it('that come back unchanged stay rejects, and the file of GET is accepted', async () => {
    const task = await service.uploaded('a,b\n1,2\n3\n"x"y,4\n', { max_rejects: 2 });
    const before = await rejectsOf(task);
    const { status, body } = await correct(task, before);
    expect([status, body.receipt!.rows_rejected]).toEqual([200, 2]);
    expect(await rejectsOf(task)).toEqual(before);
  });

  it('that two requests correct at once are loaded once', async () => {
    const task = await service.uploaded(`a,b\n${'1\n'.repeat(200)}`, { max_rejects: 200 });
    const file = corrected(Array.from({ length: 200 }, (_, i) => [i + 1, `${i},x`]));
    const answers = await Promise.all([correct(task, file), correct(task, file)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const { rows } = await service.pool.query(`SELECT count(*), count(DISTINCT _row) AS numbers FROM ${task.table}`);
    expect(rows).toEqual([{ count: 200, numbers: 200 }]);
    expect(
      (await service.client.progress({ kind: 'upload', user_id: 'ana', task_name: task.task_name })).receipt,
    ).toMatchObject({ rows_loaded: 200 });
  });

  it('what PostgreSQL refuses, two records in one and bad bytes stay rejects', async () => {
    const task = await service.uploaded('a,b\n1,2\n3\n4\n5\n', { max_rejects: 3 });
    await service.pool.query(`ALTER TABLE ${task.table} ADD CHECK (a < 10)`);
    const bytes = Buffer.concat([
      Buffer.from('row,raw\n2,"33,1"\n3,"1,2\n3,4"\n4,"'),
      Buffer.of(0xff),
      Buffer.from(',1"\n'),
    ]);
    const { body } = await correct(task, bytes);
    expect(body.receipt).toMatchObject({ rows_loaded: 1, rows_rejected: 3 });
    const codes = (await rejectsOf(task)).toString('latin1').match(/refused_row|several_records|invalid_utf8/g);
    expect(codes).toEqual(['refused_row', 'several_records', 'invalid_utf8']);
    expect((await rejectsOf(task)).includes(Buffer.of(0x22, 0xff, 0x2c))).toBe(true);
  });

  it('that come back empty are an empty line: NULL in a table of one column, no row in others', async () => {
    const bad = '"2"x\n"3"y\n';
    const file = corrected([
      [2, ''],
      [3, '""'],
    ]);
    const one = await service.uploaded(`a\n1\n${bad}`, { max_rejects: 2 });
    expect((await correct(one, file)).body.receipt).toMatchObject({ rows_loaded: 2, rows_rejected: 1 });
    expect(await rowsOf(one)).toEqual(['1 1', '2 null']);
    const utf16 = await service.uploaded(Buffer.from(`\ufeffa\n中\n${bad}`, 'utf16le'), { max_rejects: 2 });
    expect((await correct(utf16, file)).body.receipt).toMatchObject({ rows_loaded: 2, rows_rejected: 1 });
    expect(await rowsOf(utf16)).toEqual(['1 中', '2 null']);
    // Two quotes are one character of UTF-16.
    expect((await rejectsOf(utf16)).toString('latin1')).toContain('the row can be read as UTF-8 and as utf-16le');
    const two = await service.uploaded('a,b\n1,2\n3\n', { max_rejects: 1 });
    await correct(two, corrected([[2, '']]));
    expect((await rejectsOf(two)).toString()).toContain('too_few_fields,raw is empty,');
  });

  it.each([
    ['no raw', 'row,text\n2,x\n', 400, 'raw'],
    ['a row that is not in the file', 'row,raw\n9,x\n', 400, 'row 9'],
    ['a row twice', 'row,raw\n2,x\n2,x\n', 400, 'row 2 twice'],
    ['no number', 'row,raw\nx,x\n', 400, 'row number'],
  ])('are refused with %s', async (_, content, status, words) => {
    const task = await service.uploaded('a,b\n1,2\n3\n', { max_rejects: 1 });
    const answer = await correct(task, content);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(words)]);
  });

  it('stay rejects where a value would not come back as it is', async () => {
    const csv = 'id,ok,day,at,t,n\n1,yes,2024-01-05,2024-01-05T10:00:00Z,09:30,1.50\n';
    const task = await service.uploaded(`${csv}${'bad\n'.repeat(6)}`, { max_rejects: 10 });
    const good = '7,no,2024-02-29,2024-02-29T00:00:00Z,10:00,2';
    const with_ = (place: number, value: string) => good.split(',').with(place, value).join(',');
    const bad = ['007', 't', 'Jan 5 2024', '2024-01-05 10:00+02', '9:30 PM', '1e3'];
    const { status, body } = await correct(
      task,
      corrected([[2, good], ...bad.slice(1).map((value, i): [number, string] => [i + 3, with_(i + 1, value)])]),
    );
    expect([status, body.receipt]).toMatchObject([200, { rows_loaded: 2, rows_rejected: 5 }]);
    expect((await correct(task, corrected([[3, with_(0, '007')]]))).body.receipt!.rows_rejected).toBe(5);
    expect((await rejectsOf(task)).toString().match(/,(?:id|day|at|t|n),invalid_value,/g)).toEqual([
      ',id,invalid_value,',
      ',day,invalid_value,',
      ',at,invalid_value,',
      ',t,invalid_value,',
      ',n,invalid_value,',
    ]);
    expect(await service.exported({ like_source: true }, task.task_name)).toBe(`${csv}${good}\n`);
  });

  it('that a trigger leaves out, or refuses with a state of its own, stay rejects', async () => {
    const task = await service.uploaded('a,b\n1,2\n3\n4\n5\n', { max_rejects: 3 });
    await service.pool.query(`CREATE FUNCTION public.choose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.a = 3 THEN RETURN NULL; END IF;
      IF NEW.a = 4 THEN RAISE EXCEPTION 'no' USING ERRCODE = '45000'; END IF;
      RETURN NEW; END $$`);
    await service.pool.query(
      `CREATE TRIGGER chooses BEFORE INSERT ON ${task.table} FOR EACH ROW EXECUTE FUNCTION public.choose()`,
    );
    const rows: [number, string][] = [3, 4, 5].map((a, i) => [i + 2, `${a},1`]);
    const { status, body } = await correct(task, corrected(rows));
    expect([status, body.receipt]).toMatchObject([200, { rows_loaded: 2, rows_rejected: 2 }]);
    expect((await rejectsOf(task)).toString().match(/refused_row,"?[^,"]*/g)).toEqual([
      'refused_row,a trigger or a rule of the table leaves the row out',
      'refused_row,a trigger of the table refuses the row',
    ]);
  });

  it.each([
    ['belongs to another role', 'OWNER TO postgres'],
    ['generates a column', 'ALTER a SET NOT NULL, ALTER a ADD GENERATED ALWAYS AS IDENTITY'],
    ['shortens values', 'ALTER b TYPE varchar(3)'],
    ['rounds values', 'ALTER a TYPE numeric(5,0)'],
  ])('are refused where the table %s', async (_, change) => {
    const task = await service.uploaded('a,b\n1,2\n3\n', { max_rejects: 1 });
    await service.pool.query(`ALTER TABLE ${task.table} ${change}`);
    const { status, body } = await correct(task, corrected([[2, '3,4']]));
    expect([status, body]).toMatchObject([409, { code: 'target_changed' }]);
    await service.pool.query(`DROP TABLE ${task.table}`);
  });

  it('of a locked table are answered 503 soon, and other requests do not wait for them', async () => {
    const task = await service.uploaded('a,b\n1,2\n3\n', { max_rejects: 1 });
    const client = await service.pool.connect();
    try {
      await client.query(
        `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE ${task.table} IN ACCESS EXCLUSIVE MODE`,
      );
      const corrections = Array.from({ length: 6 }, () => correct(task, corrected([[2, '3,4']])));
      const usages = Array.from({ length: 12 }, () => fetch(`${service.client.api}/usage?user_id=ana`));
      const began = performance.now();
      expect((await fetch(`${service.client.api}/tasks?user_id=ana`)).status).toBe(200);
      expect(performance.now() - began).toBeLessThan(2_000);
      const answers = await Promise.all(corrections);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      for (const usage of usages) expect([200, 503]).toContain((await usage).status);
      expect((await fetch(`${service.client.api}/usage?user_id=ana`)).status).toBe(200);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    expect((await correct(task, corrected([[2, '3,4']]))).status).toBe(200);
  }, 60_000);

  it('are refused where the table is gone', async () => {
    const task = await service.uploaded('a,b\n1,2\n3\n', { max_rejects: 1 });
    await service.pool.query(`DROP TABLE ${task.table}`);
    expect((await correct(task, corrected([[2, '3,4']]))).status).toBe(409);
  });
});

describe('thousands of corrections', () => {
  it('are loaded in groups, each row once', async () => {
    const rows = 10_000;
    const text = 'é'.repeat(1_500);
    const lines = Array.from({ length: rows }, (_, i) => `${i + 1}`);
    const task = await service.uploaded(Buffer.from(`n,t\n0,é\n${lines.join('\n')}\n`, 'latin1'), {
      max_rejects: rows,
    });
    expect(task.receipt).toMatchObject({ rows_in_file: rows + 1, rows_rejected: rows });
    const isBad = (i: number) => i % 1_000 === 7;
    const { body } = await correct(
      task,
      corrected(lines.map((n, i) => [i + 2, isBad(i) ? `${n},${text},3` : `${n},${text}`])),
    );
    expect(body.receipt).toMatchObject({ rows_loaded: rows - 9, rows_rejected: 10 });
    const { rows: found } = await service.pool.query(
      `SELECT count(*)::int, count(DISTINCT n)::int AS n FROM ${task.table} WHERE _row = n + 1 AND (t = $1 OR n = 0)`,
      [text],
    );
    expect(found).toEqual([{ count: rows - 9, n: rows - 9 }]);
    expect((await rejectsOf(task)).toString().match(/,too_many_fields,/g)).toHaveLength(10);
  }, 60_000);
});
