import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GIVEN_TYPE_NAMES } from '../../src/contract/given-type-names.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { givenType } from '../../src/csv/given-types.js';
import { withClient } from '../../src/postgres/pool.js';
import { listRejects, storeRejects } from '../../src/tasks/rejects.js';
import { type Near, near } from '../postgres/near-values.js';
import { useDatabase } from '../postgres/support.js';
import { ContentLoad, type LoadOptions } from './load-content.js';

const database = useDatabase();

async function loaded(content: string, options: LoadOptions): Promise<ContentLoad> {
  const load = await ContentLoad.of(database.pool, content, options);
  await load.run();
  return load;
}

describe('a value that is not in a spelling of the given type', () => {
  it('is a reject with its row, column, value and place, whether PostgreSQL would take it or not', async () => {
    const content = 'id;d\n1;2024-01-31\n2;03.02.2024\n\n"3";"x ""y"""\n4;\n5;""\n6;2024-02-29\n';
    const load = await loaded(content, { columns: { d: 'date' }, maxRejects: 3 });
    expect(await load.rows()).toEqual([
      ['1', '1', '2024-01-31'],
      ['4', '4', null],
      ['6', '6', '2024-02-29'],
    ]);
    const reason = 'the value is not a valid date. Write YYYY-MM-DD';
    expect(await load.rejects()).toEqual([
      {
        row: 2,
        byteOffset: 18,
        column: 'd',
        value: '03.02.2024',
        code: 'invalid_value',
        reason: `${reason}, or give date_order`,
        raw: '2;03.02.2024',
      },
      { row: 3, byteOffset: 32, column: 'd', value: 'x "y"', code: 'invalid_value', reason, raw: '"3";"x ""y"""' },
      { row: 5, byteOffset: 49, column: 'd', value: '', code: 'invalid_value', reason, raw: '5;""' },
    ]);
  });

  it.each([
    ['day and month', 'id,started\n1,03/02/2020\n2,01/11/2019\n', { started: 'date' }, 'Write YYYY-MM-DD'],
    ['an offset', 'id,a\n1,2024-08-20T10:15:00+02:00\n', { a: 'timestamp' }, 'timestamptz'],
    ['no offset', 'id,a\n1,2024-08-20T10:15:00\n', { a: 'timestamptz' }, 'give the type timestamp'],
  ])('stops the task at its first row where none may be rejected: %s', async (_, content, columns, words) => {
    const load = await ContentLoad.of(database.pool, content, { columns: columns as Record<string, string> });
    await expect(load.run()).rejects.toMatchObject({ code: 'reject_limit', extras: { row: 1 } });
    await expect(load.run()).rejects.toThrow(words);
    expect(await load.rows()).toEqual([]);
  });

  it('is found among values that hold tabs, line ends and backslashes', async () => {
    const hard = ['a\tb', 'c\nd\r\n', '\\', '\\N', '\\.', '\\t', 'é"'];
    const lines = hard.map((value, i) =>
      formatRecord([value, i % 2 ? 'x' : '7', `{"v":${JSON.stringify(value)}}`], ','),
    );
    const load = await loaded(`t,n,j\n${lines.join('\n')}\n`, { columns: { n: 'integer', j: 'json' }, maxRejects: 9 });
    expect((await load.rows()).map(([, text, , json]) => [text, JSON.parse(json!)])).toEqual(
      hard.filter((_, i) => i % 2 === 0).map((v) => [v, { v }]),
    );
    expect((await load.rejects()).map(({ row, column, value }) => [row, column, value])).toEqual([
      [2, 'n', 'x'],
      [4, 'n', 'x'],
      [6, 'n', 'x'],
    ]);
  });

  it('does not cost the check where inspect has proved that there is none', async () => {
    const type = givenType('bigint')!;
    const { accepts } = type;
    let calls = 0;
    type.accepts = (text) => ++calls > 0 && accepts(text);
    try {
      const load = await loaded('a,b\n1,1\n2,2\n', { columns: { a: 'bigint', b: 'text' } });
      expect([calls, (await load.rows()).length]).toEqual([0, 2]);
      await loaded('a,b\n1,1\n+2,2\n', { columns: { a: 'bigint', b: 'text' } });
      expect(calls).toBe(2);
    } finally {
      type.accepts = accepts;
    }
  });
});

it.each(GIVEN_TYPE_NAMES.filter((type) => type !== 'text'))(
  '%s: every row is either loaded or a reject, as its value is accepted or not',
  async (type) => {
    const { arbitrary, accepted, refused } = near[type as keyof Near];
    const values = [...fc.sample(arbitrary, { numRuns: 300 }), ...accepted, ...refused];
    const lines = values.map((value, i) => formatRecord([String(i + 1), value], ','));
    const load = await loaded(`n,v\n${lines.join('\n')}\n`, { columns: { v: type }, maxRejects: values.length });
    const rows = await load.rows();
    const rejects = await load.rejects();
    const isAccepted = (row: number) => givenType(type)!.accepts(values[row - 1]!);
    expect(rows.map(([row]) => Number(row)).filter((row) => !isAccepted(row))).toEqual([]);
    expect(rejects.filter(({ row }) => isAccepted(row))).toEqual([]);
    expect(rejects.filter(({ row, value }) => value !== values[row - 1]!.slice(0, 200))).toEqual([]);
    expect(rows.length + rejects.length).toBe(values.length);
  },
);

it('a file in which every value is refused is loaded in batches that hold few of them', async () => {
  const rows = 30_000;
  const content = `a,b\n${Array.from({ length: rows }, (_, i) => (i % 3 === 2 ? `${i}` : `${i},x`)).join('\n')}\n`;
  const load = await loaded(content, { columns: { b: 'integer' }, maxRejects: rows });
  expect(await load.rows()).toEqual([]);
  const rejects = await load.rejects();
  expect(rejects.map(({ row }) => row)).toEqual(Array.from({ length: rows }, (_, i) => i + 1));
  const lines = content.split('\n');
  let at = 4;
  for (const [i, { byteOffset, raw }] of rejects.entries()) {
    expect([byteOffset, raw]).toEqual([at, lines[i + 1]]);
    at += lines[i + 1]!.length + 1;
  }
});

it('the load stops at the row that exceeds the limit, and continues there with a higher limit', async () => {
  const content = `n\n${Array.from({ length: 20_000 }, (_, i) => (i % 2 ? 'x' : i)).join('\n')}\n`;
  const load = await ContentLoad.of(database.pool, content, { columns: { n: 'integer' }, maxRejects: 7_000 });
  await expect(load.run()).rejects.toMatchObject({ code: 'reject_limit', extras: { row: 14_002 } });
  await database.pool.query(`UPDATE long_task.tasks SET options = options || '{"max_rejects": 10000}' WHERE id = $1`, [
    load.taskId,
  ]);
  await load.run();
  expect((await load.rows()).length).toBe(10_000);
  expect((await load.rejects()).length).toBe(10_000);
});

describe('a row that the table itself refuses', () => {
  const content = `n,t\n${Array.from({ length: 9_000 }, (_, i) => `${i + 1},"a\\b ""${i}"", é"`).join('\n')}\n`;

  it('is a reject, and the only one left out', async () => {
    const prepare = (table: string) =>
      database.pool.query(`ALTER TABLE ${table} ADD CHECK (_row NOT IN (1, 4000, 4001, 9000))`);
    const load = await loaded(content, { maxRejects: 4, prepare });
    const rejects = await load.rejects();
    expect(rejects.map(({ row, raw }) => [row, raw])).toEqual(
      [1, 4000, 4001, 9000].map((row) => [row, `${row},"a\\b ""${row - 1}"", é"`]),
    );
    expect(rejects[0]!.reason).toBe('the row breaks a constraint of the table');
    const rows = await load.rows();
    expect(rows.length).toBe(8_996);
    expect(rows[10]).toEqual(['12', '12', 'a\\b "11", é']);
  });

  it('takes time in proportion, also where all rows are refused', async () => {
    const prepare = (table: string) => database.pool.query(`ALTER TABLE ${table} ADD CHECK (_row < 0)`);
    const load = await loaded(content, { maxRejects: 9_000, prepare });
    expect((await load.rejects()).length).toBe(9_000);
    expect(await load.rows()).toEqual([]);
  });

  it('is found where the refusal comes only with the commit', async () => {
    const prepare = async (table: string) => {
      await database.pool.query(`CREATE OR REPLACE FUNCTION public.refuse_late() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW._row = 77 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NULL; END $$`);
      await database.pool.query(`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.refuse_late()`);
    };
    const load = await loaded(content, { maxRejects: 1, prepare });
    expect((await load.rejects()).map(({ row, reason }) => [row, reason])).toEqual([
      [77, 'a trigger of the table refuses the row'],
    ]);
    expect((await load.rows()).length).toBe(8_999);
  });

  it('stops the task at its row where none may be rejected', async () => {
    const prepare = (table: string) => database.pool.query(`ALTER TABLE ${table} ADD CHECK (_row <> 4000)`);
    const load = await ContentLoad.of(database.pool, content, { prepare });
    await expect(load.run()).rejects.toMatchObject({ code: 'reject_limit', extras: { row: 4_000 } });
    expect(await load.rejects()).toEqual([]);
  });
});

it('a value that only PostgreSQL refuses is named with its column', async () => {
  const type = givenType('integer')!;
  const { accepts } = type;
  type.accepts = () => true;
  try {
    const content = `a,b\n${Array.from({ length: 2_000 }, (_, i) => (i === 900 ? 'é,"x""\\y"' : `é,${i}`)).join('\n')}\n`;
    const load = await loaded(content, { columns: { b: 'integer' }, maxRejects: 1 });
    expect(await load.rejects()).toMatchObject([{ row: 901, column: 'b', value: 'x"\\y', raw: 'é,"x""\\y"' }]);
    expect((await load.rows()).length).toBe(1_999);
  } finally {
    type.accepts = accepts;
  }
});

it('rejects that are stored ahead of the checkpoint are left out and counted, and stored only once', async () => {
  const load = await ContentLoad.of(database.pool, 'n\n1\n2\n3\n4\n', { maxRejects: 1 });
  const reject = {
    row: 3,
    byteOffset: 6,
    column: null,
    value: null,
    code: 'refused_value' as const,
    reason: 'refused by an earlier version',
    raw: Buffer.from('3'),
  };
  await withClient(database.pool, (client) => storeRejects(client, load.taskId, [reject]));
  await load.run();
  expect((await load.rows()).map(([row]) => row)).toEqual(['1', '2', '4']);
  const { rows } = await database.pool.query('SELECT rejected, rows_done FROM long_task.parts WHERE task_id = $1', [
    load.taskId,
  ]);
  expect(rows).toEqual([{ rejected: 1, rows_done: 4 }]);
  await expect(withClient(database.pool, (client) => storeRejects(client, load.taskId, [reject]))).rejects.toThrow(
    'another attempt',
  );
});

it('a reject keeps every character that PostgreSQL can keep, and every byte of its record', async () => {
  const value = 'tab\t, feed\n, return\r, \\N \\. \\ é😀 \u0001';
  const load = await ContentLoad.of(database.pool, 'n\n1\n', { maxRejects: 1 });
  const bytes = Buffer.concat([Buffer.from(`${value}\0`), Buffer.of(0xff, 0xfe)]);
  const code = 'refused_value' as const;
  const reject = { row: 1, byteOffset: 2, column: value, value: `${value}\0`, code, reason: value, raw: bytes };
  await withClient(database.pool, (client) => storeRejects(client, load.taskId, [reject]));
  expect(await listRejects(database.pool, load.taskId, 0, 9)).toEqual([{ ...reject, value: `${value}\u2400` }]);
});
