import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import type { UploadFields } from '../../src/client/client.js';
import { useService } from '../e2e/service.js';

const service = useService();

interface Rejected {
  row: string;
  column: string;
  value: string;
  raw: string;
  byte_offset: string;
}

async function rejectsOf(content: string, columns: UploadFields['columns']): Promise<Rejected[]> {
  const key = await service.upload(content, { max_rejects: 5_000, columns });
  await service.client.waitFor(key, ['completed']);
  const answer = await fetch(`${service.client.api}/tasks/upload/${key.task_name}/rejects?user_id=ana`);
  return parse(await answer.text(), { columns: true });
}

it('the text of a reject is that of its own row, line breaks and numbers in values or not', async () => {
  const many = Array.from({ length: 29 }, (_, i) => (i === 0 ? 'x1,v1' : `${i + 1},v${i + 1}`));
  expect(await rejectsOf(`a,b\n${many.join('\n')}\n`, { a: 'integer' })).toMatchObject([
    { row: '1', column: 'a', value: 'x1', raw: 'x1,v1' },
  ]);
  expect(await rejectsOf('a,b\n1,"foo\n3,bar"\n2,y\nq3,z\n', { a: 'integer' })).toMatchObject([
    { row: '3', raw: 'q3,z' },
  ]);
});

it('a refused value is shown as PostgreSQL says it, its row and place as they are in the file', async () => {
  const before = 'a;b\n1;"x\n2;y"\n\n\n';
  expect(await rejectsOf(`${before}"q\\";"say ""no""\tto"\n3;\n`, { a: 'integer' })).toMatchObject([
    { row: '2', column: 'a', value: 'q\\', raw: '"q\\";"say ""no""\tto"', byte_offset: String(before.length) },
  ]);
});

it('column and value are found with any characters in the names of columns', async () => {
  const all = { a: 'integer', 'a:b': 'integer', 'x: "y': 'integer' } as const;
  expect(await rejectsOf('a,a:b,"x: ""y"\n1,2,3\n1,q,3\n1,2,q\n', all)).toMatchObject([
    { row: '2', column: 'a:b', value: 'q' },
    { row: '3', column: 'x: "y', value: 'q' },
  ]);
});

it('thousands of rows with too few fields are left out, and only they', async () => {
  const pairs = Array.from({ length: 4_000 }, () => '1,2,3\n1,2\n').join('');
  const rejects = await rejectsOf(`a,b,c\n${pairs}`, {});
  expect(rejects.map(({ row }) => Number(row))).toEqual(Array.from({ length: 4_000 }, (_, i) => 2 * i + 2));
}, 40_000);

it('the load stops at the first row over the limit, even where a part has more bad rows than one write records', async () => {
  const key = await service.upload(`a,b\n${'1\n'.repeat(1_500)}1,2\n`, { max_rejects: 1_200 });
  const paused = await service.client.waitFor(key, ['paused']);
  expect(paused.error).toMatchObject({ code: 'reject_limit', row: 1_201, column: 'b' });
  await fetch(`${service.client.api}/upload/resume`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 'ana', task_name: key.task_name, max_rejects: 1_500 }),
  });
  expect((await service.client.waitFor(key, ['completed'])).receipt).toMatchObject({
    rows_loaded: 1,
    rows_rejected: 1_500,
  });
}, 40_000);

it('the advice is one that can be followed', async () => {
  const key = await service.upload('a,b\n1\n', { on_limit: 'rollback' });
  expect((await service.client.waitFor(key, ['failed'])).error?.detail).toMatch(/Start again/);
});

it('a row that is too big for a page is the one that is left out', async () => {
  const header = Array.from({ length: 1_599 }, (_, i) => `c${i}`).join();
  const big = Array.from({ length: 1_599 }, () => 'abcdefgh').join();
  const small = (i: number) => `${i}${','.repeat(1_598)}`;
  const rows = Array.from({ length: 60 }, (_, i) => (i === 19 || i === 59 ? big : small(i)));
  const rejects = await rejectsOf(`${header}\n${rows.join('\n')}\n`, {});
  expect(rejects.map(({ row }) => row)).toEqual(['20', '60']);
}, 60_000);

it('a NUL in the header, and a type for a column that is not there, are refused with a clear error', async () => {
  for (const [content, columns, code] of [
    ['a\0x,b\n1,xyzzzzzzz\n2,3zzzzz\n', {}, 'not_a_text_file'],
    ['a,b\n1,2\n', { nope: 'integer' }, 'invalid_request'],
  ] as const) {
    const upload = service.upload(content, { columns });
    await expect(upload).rejects.toMatchObject({ problem: { code } });
  }
});
