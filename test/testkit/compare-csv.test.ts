import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareCsv } from '../../testkit/compare-csv.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('files of the same bytes are equal, and their rows and values counted', async () => {
  const text = 'name,note\r\n"Lee, A","says ""hi""\r\nand goes"\r\nBo,\r\n';
  expect(await compare(text, text)).toEqual({ equal: true, rows: 2, cells: 6 });
});

test('quotes, line ends, a mark at the beginning and a missing last line end do not count', async () => {
  const result = await compare('\ufeffname,note\r\n"Lee, A","b"\r\nBo,""\r\n', 'name,"note"\n"Lee, A",b\n"Bo",""');
  expect(result).toEqual({ equal: true, rows: 2, cells: 6 });
});

test('NULL and an empty string differ', async () => {
  const result = await compare('a,b\n1,\n2,3\n', 'a,b\n1,""\n2,3\n');
  expect(result).toMatchObject({ equal: false, firstDifference: { row: 1, column: 2, a: null, b: '' } });
});

test('a changed value is found and named', async () => {
  const result = await compare('a,b\n1,2\n3,4\n', 'a,b\n1,2\n3,5\n');
  expect(result).toMatchObject({ equal: false, firstDifference: { row: 2, column: 2, a: '4', b: '5' } });
});

test('a missing row, a further value and another header are differences', async () => {
  expect(await compare('a\n1\n2\n', 'a\n1\n')).toMatchObject({
    firstDifference: { row: 2, column: 1, a: '2', b: undefined },
  });
  expect(await compare('a\n1\n', 'a\n1,2\n')).toMatchObject({ firstDifference: { row: 1, column: 2, b: '2' } });
  expect(await compare('a\n1\n', 'b\n1\n')).toMatchObject({ firstDifference: { row: 0, column: 1, a: 'a', b: 'b' } });
});

test('a file that is not there is an error', async () => {
  await expect(compareCsv(path.join(folder, 'none'), path.join(folder, 'none'))).rejects.toThrow('ENOENT');
});

async function compare(a: string, b: string) {
  const files = [path.join(folder, 'a.csv'), path.join(folder, 'b.csv')] as const;
  await Promise.all([writeFile(files[0], a), writeFile(files[1], b)]);
  return compareCsv(...files);
}
