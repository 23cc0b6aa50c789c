import { describe, expect, it } from 'vitest';
import { readSourceStyle } from '../../src/activities/source-style.js';
import { chosenColumns, exportFormat } from '../../src/api/export-format.js';
import type { DownloadStart } from '../../src/contract/requests.js';
import type { FileOptions } from '../../src/intake/file-options.js';
import { readHead } from '../../src/intake/read-head.js';
import { attributeNumber } from '../../src/tables/staging.js';
import type { TaskRow } from '../../src/tasks/tasks.js';

/** The format and the warnings of an export like an uploaded file. */
async function likeSource(
  text: string,
  { columns, dialect: given }: Pick<FileOptions, 'columns' | 'dialect'> = {},
  asked: Partial<DownloadStart> = {},
) {
  const bytes = Buffer.from(text);
  const { dialect, headers, reading } = readHead(bytes, true, { columns, dialect: given });
  const file = { size: bytes.length, read: async () => 0, close: async () => {} };
  const source_style = await readSourceStyle(file, bytes, dialect);
  const names = reading.fields.map(({ field }, i) => ({ original: headers[field]!, number: attributeNumber(i) }));
  const upload = { dialect, source_style, columns: names, converted: { reading } } as unknown as TaskRow;
  const exported = names as NonNullable<TaskRow['columns']>;
  return exportFormat({ user_id: 'ana', like_source: true, ...asked }, upload, exported);
}

it.each<[string, FileOptions['columns'], unknown]>([
  ['as they are', undefined, [3]],
  ['one skipped', [{ name: 'a', skip: true }], [2]],
  ['two swapped', [{ name: 'c' }, { name: 'a' }], [1]],
  ['the quoted one skipped', [{ name: 'c', skip: true }], 'needed'],
])('quotes the columns that the file quotes: %s', async (_what, columns, quoted) => {
  const { format } = await likeSource('a,b,c\n1,2,"x"\n3,4,"y"\n', { columns });
  expect(format).toMatchObject({ quoted });
});

it.each([
  ['a, b, c\n1, 2, 3\n3, 4, 5\n6, 7, 8\n', /spaces after the delimiters/],
  ['a;b;c;\n1;2;3;\n3;4;5;\n6;7;8;\n', /delimiters that end the lines/],
  ['sep=;\na;b;c\n1;2;3\n3;4;5\n6;7;8\n', /"sep="/],
  ['sep=^\na^b^c\n1^2^3\n3^4^5\n6^7^8\n', /"sep="/],
  ['\ufeff\ufeffa,b,c\n1,2,3\n3,4,5\n6,7,8\n', /one byte order mark/],
  ['Title\n\na,b,c\n1,2,3\n3,4,5\n6,7,8\n', /lines above the header/],
])('says what it leaves out of %j', async (text, warning) => {
  const { warnings } = await likeSource(text);
  expect(warnings).toEqual([expect.stringMatching(warning)]);
});

it.each(['a,b,c\n1,2,3\n', '\ufeffa;b\r\n1;2\r\n', '"sep=a",b\n1,2\n'])('leaves nothing out of %j', async (text) => {
  expect((await likeSource(text)).warnings).toEqual([]);
});

it.each(['sep=;\n', '\ufeff\ufeff', '\ufeffsep=;\n'])('sees the quotes after %j', async (above) => {
  const { format } = await likeSource(`${above}"a";"b"\n"x";"1"\n"y";"2"\n`);
  expect(format).toMatchObject({ quoted_header: true, quoted: 'all' });
});

it('refuses a delimiter that is the quote of the file', async () => {
  const bars = likeSource('a,b\n|x,y|,1\n|z|,2\n', { dialect: { quote: '|' } }, { delimiter: '|' });
  await expect(bars).rejects.toMatchObject({
    code: 'invalid_request',
    extras: { errors: [{ field: 'delimiter', value: '|' }] },
  });
});

it('has another delimiter than the quote where that of the file has several characters', async () => {
  const { format } = await likeSource('a||b\n,x,||1\n,y,||2\n', { dialect: { delimiter: '||', quote: ',' } });
  expect(format).toMatchObject({ delimiter: ';', quote: ',' });
});

it('doubles quotes where the file escapes them otherwise, and says so', async () => {
  const { format, warnings } = await likeSource('id,note\n1,"C:\\dir, \\"x\\""\n2,"\\"y\\", z"\n3,"a, b"\n');
  expect(format).toMatchObject({ quote: '"', escape: '"' });
  expect(warnings).toEqual([expect.stringContaining('it escapes by \\, and the export doubles its quotes')]);
});

describe('the columns of an export', () => {
  const columns = [
    { original: 'a', name: 'a', type: 'text', evidence: '' },
    { original: 'a', name: 'a_2', type: 'text', evidence: '' },
    { original: 'B', name: 'b', type: 'text', evidence: '' },
    { original: 'B', name: 'b_2', type: 'text', evidence: '' },
    { original: 'C', name: 'c', type: 'text', evidence: '' },
  ];

  it('are named as in the table, or as in the file where that is unique', () => {
    expect(chosenColumns(['C', 'a_2', 'a', 'b_2'], columns).map(({ name }) => name)).toEqual(['c', 'a_2', 'a', 'b_2']);
  });

  it('are not named as several columns of the file', () => {
    expect(() => chosenColumns(['a', 'B'], columns)).toThrow(/"B".* 2 columns of the file .*in the table: "b", "b_2"/);
  });
});
