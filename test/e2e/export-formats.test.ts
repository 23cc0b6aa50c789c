import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DownloadFields } from '../../src/client/client.js';
import type { Task } from '../../src/contract/task.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { useService } from './service.js';

const service = useService();

/** Exports an upload; the bytes, the headers and the task. */
async function exported(
  upload: string,
  fields: DownloadFields,
): Promise<{ bytes: Buffer; answer: Response; task: Task }> {
  const key = { kind: 'download', user_id: 'ana', task_name: `d${Math.random().toString(36).slice(2)}` } as const;
  await service.client.download(key, { ...fields, upload });
  const task = await service.client.waitFor(key, ['completed']);
  const answer = await fetch(new URL(task.download_url!, service.client.api));
  return { bytes: Buffer.from(await answer.arrayBuffer()), answer, task };
}

const ROWS = [
  ['id', 'text', 'note'],
  ['1', 'a,b;c\td|e', null],
  ['2', '', 'two\nlines'],
  ['3', 'a "quote"', 'two\r\nlines'],
  ['4', null, ' é '],
] as const;

function csv(newline: string, style: { delimiter: string; quoteAll?: boolean }): string {
  return ROWS.map((row) => formatRecord([...row], style) + newline).join('');
}

describe('an export', () => {
  it.each<[string, DownloadFields, string]>([
    ['as ever', {}, csv('\n', { delimiter: ',' })],
    ['for Excel', { delimiter: ';', newline: 'crlf', bom: true }, `\ufeff${csv('\r\n', { delimiter: ';' })}`],
    ['of tabs', { delimiter: '\t', newline: 'lf' }, csv('\n', { delimiter: '\t' })],
    ['of bars, all quoted', { delimiter: '|', quote: 'all' }, csv('\n', { delimiter: '|', quoteAll: true })],
  ])('is written %s, with NULL and the empty string apart', async (_, fields, expected) => {
    const { task_name } = await service.uploaded(csv('\n', { delimiter: ',' }));
    const { bytes, task } = await exported(task_name, fields);
    expect(bytes.toString()).toBe(expected);
    expect(task.receipt!.format?.delimiter ?? ',').toBe(fields.delimiter ?? ',');
  });

  it('as gzip is one file of the parts, of which a range can be had', async () => {
    const text = `n\n${Array.from({ length: 400_000 }, (_, i) => `${i},${'x'.repeat(40)}\n`).join('')}`.replace(
      'n',
      'n,t',
    );
    const { task_name } = await service.uploaded(text);
    const { bytes, answer, task } = await exported(task_name, { compression: 'gzip', newline: '\r\n' });
    expect(task.receipt!.parts).toBeGreaterThan(1);
    expect(gunzipSync(bytes).equals(Buffer.from(text.replaceAll('\n', '\r\n')))).toBe(true);
    expect(answer.headers.get('content-type')).toBe('application/gzip');
    expect(answer.headers.get('content-disposition')).toContain(`${task.task_name}.csv.gz`);
    expect(task.receipt!.file!.size).toBe(bytes.length);
    const range = await fetch(new URL(task.download_url!, service.client.api), { headers: { range: 'bytes=10-19' } });
    expect([range.status, Buffer.from(await range.arrayBuffer())]).toEqual([206, bytes.subarray(10, 20)]);
  });

  it('has the named columns, in their order', async () => {
    const { task_name } = await service.uploaded('a,b,B\n1,2,x\n');
    expect((await exported(task_name, { columns: ['B', 'a'] })).bytes.toString()).toBe('B,a\nx,1\n');
    const frozen = await exported(task_name, { columns: ['b'], consistency: 'frozen', quote: 'all' });
    expect(frozen.bytes.toString()).toBe('"b"\n"2"\n');
  });

  it('guards formulas and leaves plain numbers alone', async () => {
    const values = ['-70.00', '+1.234,50', '=1+1', '+cmd', '@x', '-cmd', '+49 30 123', '\tx', 'x=1', '', '＝1'];
    const lines = values.map((value) => `"${value}"\n`).join('');
    const { task_name } = await service.uploaded(`=h,x\n${lines.replaceAll('\n', ',1\n')}`);
    const { bytes } = await exported(task_name, { formulas: 'escape', delimiter: ';', quote: 'all' });
    const guarded = ['-70.00', '+1.234,50', "'=1+1", "'+cmd", "'@x", "'-cmd", "'+49 30 123", "'\tx", 'x=1', '', "'＝1"];
    expect(bytes.toString()).toBe(`"'=h";"x"\n${guarded.map((value) => `"${value}";"1"\n`).join('')}`);
  });

  it.each(['live', 'frozen'] as const)(
    'guards a column that has become text since its upload: %s',
    async (consistency) => {
      const { task_name, table } = await service.uploaded('a,b\n1,x\n');
      await service.pool.query(`ALTER TABLE ${table} ALTER a TYPE text`);
      await service.pool.query(`UPDATE ${table} SET a = '=1+1'`);
      const { bytes } = await exported(task_name, { formulas: 'escape', consistency });
      expect(bytes.toString()).toBe("a,b\n'=1+1,x\n");
    },
  );
});

const value = fc.option(fc.stringMatching(/^[a-c€"',;|\t\n\\ ]{0,5}$/), { nil: null });
const style = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  newline: fc.constantFrom('\n', '\r\n'),
  quoteAll: fc.boolean(),
  bom: fc.boolean(),
  final: fc.boolean(),
});

describe('an export with like_source', () => {
  it('is the uploaded file, byte for byte, and says so', { timeout: 180_000 }, async () => {
    const file = fc.tuple(fc.array(fc.tuple(value, value), { maxLength: 8 }), style);
    await fc.assert(
      fc.asyncProperty(file, async ([rows, { delimiter, newline, quoteAll, bom, final }]) => {
        // The last record fixes what the file leaves open.
        const records = [
          ['id', 'a', 'b'],
          ...rows.map((row, i) => [`${i}`, ...row]),
          ['9', 'x', 'y'],
          ['10', 'x', 'z'],
        ];
        const lines = records.map((record) => formatRecord(record, { delimiter, quoteAll }));
        const text = (bom ? '\ufeff' : '') + lines.join(newline) + (final ? newline : '');
        const { task_name } = await service.uploaded(text, { dialect: { delimiter } });
        const { bytes, task } = await exported(task_name, { like_source: true });
        expect(bytes.toString()).toBe(text);
        expect([task.receipt!.same_as_source, task.warnings]).toEqual([true, []]);
      }),
      { numRuns: 12 },
    );
  });

  it('is so for texts in quotes next to bare numbers, and in several parts', async () => {
    const lines = Array.from({ length: 400_000 }, (_, i) => `${i},"${'x'.repeat(30)}",${i % 7}`);
    const text = `"a","b","c"\r\n${lines.join('\r\n')}`;
    const { task_name } = await service.uploaded(text);
    const { task } = await exported(task_name, { like_source: true });
    expect(task.receipt!.parts).toBeGreaterThan(1);
    expect(task.receipt!).toMatchObject({ same_as_source: true, format: { quoted: [2], final_newline: false } });
  });

  it('is so for moments at the ends of the calendar, with an offset that leads out of it', async () => {
    const text = 'id,from\n1,0001-01-01T00:00:00+08:00\n2,2024-01-31T10:15:00+08:00\n';
    const last = 'id,until\n1,9999-12-31T23:59:59-03:00\n2,2024-01-31T10:15:00-03:00\n';
    for (const file of [text, last]) {
      const { task_name } = await service.uploaded(file);
      const { bytes, task } = await exported(task_name, { like_source: true });
      expect([bytes.toString(), task.receipt!.same_as_source]).toEqual([file, true]);
    }
  });

  it('quotes the columns of the file where the upload has moved and skipped some', async () => {
    const columns = [{ name: 'd', skip: true }, { name: 'c' }, { name: 'a' }];
    const { task_name } = await service.uploaded('d,a,b,c\n9,1,2,"x"\n9,3,4,"y"\n', { columns });
    const { bytes } = await exported(task_name, { like_source: true });
    expect(bytes.toString()).toBe('c,b,a\n"x",2,1\n"y",4,3\n');
  });

  it.each(['\\', '!'])('has the values of a file whose escape is %s', async (escapedBy) => {
    const values = [`C:${escapedBy}dir, ${escapedBy}${escapedBy}"x"`, `${escapedBy}"y", ${escapedBy}`, 'a, b'];
    const inFile = (value: string) =>
      value.replace(/([\\!]*)("|$)/g, (_, run: string, end) => run + run + (end && escapedBy + end));
    const text = `id,note\n${values.map((value, i) => `${i},"${inFile(value)}"\n`).join('')}`;
    const { task_name, table } = await service.uploaded(text, { dialect: { escape: escapedBy, delimiter: ',' } });
    const rows = `SELECT id, note FROM ${table} ORDER BY id`;
    const before = (await service.pool.query(rows)).rows;
    expect(before.map(({ note }) => note)).toEqual(values);
    const { bytes, task } = await exported(task_name, { like_source: true });
    expect(task.warnings).toEqual([expect.stringContaining(`escapes by ${escapedBy}`)]);
    const again = await service.uploaded(bytes, { dialect: { delimiter: ',' } });
    expect((await service.pool.query(rows.replace(table!, again.table!))).rows).toEqual(before);
  });

  it('says where it is not the file', async () => {
    const { task_name } = await service.uploaded('a,b\n1,"x"\n2,y\n');
    const { bytes, task } = await exported(task_name, { like_source: true });
    expect([bytes.toString(), task.receipt!.same_as_source]).toEqual(['a,b\n1,x\n2,y\n', false]);
  });
});
