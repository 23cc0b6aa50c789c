import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { formatRecord } from '../../src/csv/format-record.js';
import { copyIn } from '../../src/postgres/copy.js';
import { withClient } from '../../src/postgres/pool.js';
import { dialectOf, WITH_KERNEL, WITHOUT_KERNEL } from '../csv/support.js';
import { useDatabase } from './support.js';

const database = useDatabase();

/** All characters special to CSV, to COPY's CSV or to its text format, alone and in pairs. */
const PIECES = [
  '\\',
  '\\N',
  '\\.',
  'N',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '"',
  ',',
  ';',
  '\x01',
  '\b',
  '\v',
  '\x7f',
  'é😀',
  ' ',
  'x'.repeat(17),
];
const VALUES = [null, '', ...PIECES, ...PIECES.flatMap((a) => PIECES.map((b) => a + b))];

it.each([
  [',', WITH_KERNEL],
  ['\t', WITH_KERNEL],
  [';', WITH_KERNEL],
  [',', WITHOUT_KERNEL],
  ['\t', WITHOUT_KERNEL],
] as const)(
  'PostgreSQL reads of an encoded file with %j what csv-parse reads of the file',
  async (delimiter, engine) => {
    const records = VALUES.map((value, k) => [value, VALUES[(k * 7) % VALUES.length]!, value]);
    const bytes = Buffer.from(`${records.map((record) => formatRecord(record, delimiter)).join('\n')}\n`);
    const encoder = engine.encoder({ dialect: dialectOf({ delimiter }), columns: 3 });
    const out = Buffer.alloc(bytes.length * 3);
    const { written, refused } = encoder.encode(bytes, {
      from: 0,
      out,
      firstRow: 1,
      final: true,
      maxInput: bytes.length,
    });
    expect(refused).toEqual([]);
    const rows = await withClient(database.pool, async (client) => {
      await client.query('CREATE TEMP TABLE copied (_row bigint, a text, b text, c text)');
      await copyIn(client, { table: 'copied', columns: ['_row', 'a', 'b', 'c'] }, out.subarray(0, written));
      const { rows } = await client.query({ text: 'SELECT a, b, c FROM copied ORDER BY _row', rowMode: 'array' });
      await client.query('DROP TABLE copied');
      return rows;
    });
    const cast = (value: string, { quoting }: { quoting: boolean }) => (value === '' && !quoting ? null : value);
    expect(rows).toEqual(parse(bytes, { delimiter, record_delimiter: '\n', cast }));
  },
);
