import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { useAddedFiles, useApi } from './support.js';

const api = useApi();
const added = useAddedFiles(api);

const ana: [string, string] = ['user_id', 'ana'];

describe('POST /upload/preview', () => {
  it('shows dialect, columns with types so far, and rows of a form, and stores nothing', async () => {
    const file = Buffer.from('Datum;Betrag;K\xfcrzel\r\n31.12.2024;1.234,50;\xe4\r\n01.02.2025;;""\r\n', 'latin1');
    const { status, json } = await api.form([ana, ['file', file, 'a.csv']]);
    expect(status).toBe(202); // For comparison: a start accepts it.
    await api.pool.query('DELETE FROM long_task.tasks');
    const preview = await previewed([ana, ['file', file, 'a.csv']]);
    expect(preview.status).toBe(200);
    expect(preview.json).toMatchObject({
      dialect: { encoding: 'windows-1252', delimiter: ';', newline: '\r\n', source: { delimiter: 'detected' } },
      columns: [
        { name: 'Datum', type: 'date', form: 'DD.MM.YYYY' },
        { name: 'Betrag', type: 'numeric', form: '1.234,5' },
        { name: 'Kürzel', type: 'text' },
      ],
      rows: [
        ['31.12.2024', '1.234,50', 'ä'],
        ['01.02.2025', null, ''],
      ],
      question: null,
    });
    expect(json.task_name).toBeDefined();
    expect(await added()).toBe(1);
  });

  it('gives a dialect and columns that a start accepts as they are', async () => {
    const file = Buffer.from('a;d\n1;31.12.2024\n2;01.02.2025\n');
    const { json } = await previewed([ana, ['file', file, 'a.csv']]);
    const { status, text } = await api.form([
      ana,
      ['dialect', JSON.stringify(json.dialect)],
      ['columns', JSON.stringify(json.columns)],
      ['file', file, 'a.csv'],
    ]);
    expect([status, text]).toEqual([202, expect.anything()]);
  });

  it('takes overrides, also after a short file, and a body that is the file', async () => {
    const form = await previewed([
      ['file', 'a;b\n1;2\n', 'a.csv'],
      ana,
      ['dialect', '{"header_rows":0}'],
      ['rows', '1'],
    ]);
    expect(form.json).toMatchObject({ rows: [['a', 'b']], columns: [{ name: 'column_1' }, { name: 'column_2' }] });
    const body = gzipSync('a,b,c\n1,-,3\n');
    const columns = JSON.stringify([{ name: 'c' }, { name: 'a', skip: true }, { name: 'b', null_values: ['-'] }]);
    const url = `/upload/preview?user_id=ana&columns=${encodeURIComponent(columns)}`;
    const answer = await fetch(api.url + url, { method: 'POST', body, headers: { 'content-type': 'text/csv' } });
    expect(await answer.json()).toMatchObject({ dialect: { compression: 'gzip' }, rows: [['3', null]] });
  });

  it('answers before the rest of a long file', async () => {
    const line = `${'x'.repeat(40)},"a ""quoted"" value",1234.5,2024-01-31\n`;
    const head = Buffer.from(`a,b,c,d\n${line.repeat(20_000)}`);
    const socket = net.connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.write(
      'POST /upload/preview?user_id=ana HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: 900000000\r\n\r\n',
    );
    socket.write(head);
    const [answer] = await Promise.race([once(socket), timeout()]);
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('asks where no reading fits, and refuses what a start refuses', async () => {
    const unclear = await previewed([ana, ['file', '"a;b"\n"1;2"\n"3;4"\n"5;6"\n', 'a.csv']]);
    expect(unclear.json).toMatchObject({ question: expect.stringContaining('delimiter'), rows: [] });
    const excel = await previewed([ana, ['file', 'PK\x03\x04....xl/workbook.xml', 'a.csv']]);
    expect([excel.status, excel.json.code]).toEqual([415, 'not_a_text_file']);
    const column = await previewed([ana, ['columns', '{"x":"text"}'], ['file', 'a,b\n1,2\n', 'a.csv']]);
    expect([column.status, column.json.errors[0].field]).toEqual([400, 'columns.x']);
  });
});

function once(socket: net.Socket): Promise<[string]> {
  return new Promise((resolve) => socket.once('data', (data) => resolve([data.toString()])));
}

async function timeout(): Promise<[string]> {
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  return ['no answer'];
}

async function previewed(parts: Parameters<typeof api.form>[0]) {
  const form = new FormData();
  for (const [name, value, filename] of parts)
    if (filename === undefined) form.append(name, value as string);
    else form.append(name, new Blob([value as string]), filename);
  const answer = await fetch(`${api.url}/upload/preview`, { method: 'POST', body: form });
  const text = await answer.text();
  return { status: answer.status, json: JSON.parse(text) };
}
