import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { SAMPLE, salesBytes, writeSalesFile } from '../../testkit/sales-data.js';

const sampleFile = path.resolve(import.meta.dirname, '../../sample_data.csv');

test('the generator makes exactly sample_data.csv', async () => {
  const hash = createHash('sha256');
  for (const { bytes } of salesBytes(SAMPLE)) hash.update(bytes);
  const sample = createHash('sha256').update(await readFile(sampleFile));
  expect(hash.digest('hex')).toBe(sample.digest('hex'));
});

test('a file of more rows with the same seed begins with the sample', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-test-'));
  try {
    const file = path.join(folder, 'sales.csv');
    const seen: number[] = [];
    const { bytes } = await writeSalesFile(file, { rows: SAMPLE.rows + 5 }, (rows) => seen.push(rows));
    const written = await readFile(file);
    const sample = await readFile(sampleFile);
    expect(written.length).toBe(bytes);
    expect(written.subarray(0, sample.length).equals(sample)).toBe(true);
    expect(seen.at(-1)).toBe(SAMPLE.rows + 5);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the sample holds 12 columns, values with commas and quotes, NULLs and empty strings, and its sums are right', async () => {
  const text = await readFile(sampleFile, 'utf8');
  const records = parse(text, { cast: (value, { quoting }) => (value === '' && !quoting ? null : value) }) as Row[];
  const [header, ...rows] = records as [Row, ...Row[]];
  expect(header).toHaveLength(12);
  expect(rows).toHaveLength(SAMPLE.rows);
  const values = rows.flat();
  expect(values.some((value) => value?.includes(','))).toBe(true);
  expect(values.some((value) => value?.includes('"'))).toBe(true);
  expect(values).toContain(null);
  expect(values).toContain('');
  expect(new Set(rows.map((row) => row[5])).size).toBe(SAMPLE.rows);
  expect(rows.filter((row) => !isRight(row))).toEqual([]);
});

type Row = (string | null)[];

function isRight([, , , , , , units, price, cost, revenue, totalCost, profit]: Row): boolean {
  if (cents(revenue) !== Number(units) * cents(price)) return false;
  if (cost === null) return totalCost === null && profit === null;
  return cents(totalCost) === Number(units) * cents(cost) && cents(profit) === cents(revenue) - cents(totalCost);
}

function cents(money: string | null | undefined): number {
  return /^\d+\.\d\d$/.test(money ?? '') ? Number(money?.replace('.', '')) : Number.NaN;
}
