import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { assertText, packingOf } from '../../src/csv/file-type.js';
import { archive, type Zipped } from '../support/zipped.js';

function refusal(head: Uint8Array): unknown {
  try {
    assertText(head);
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each([
  ['a ZIP archive', 'PK\x03\x04........data.csv'],
  ['an old Excel', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['a bzip2 file', 'BZh91AY&SY'],
  ['an xz file', '\xfd7zXZ\0'],
  ['a Zstandard file', '\x28\xb5\x2f\xfd'],
  ['a Parquet file', 'PAR1\x15\x04'],
  ['a SQLite database', 'SQLite format 3\0'],
  ['a PDF document', '%PDF-1.7'],
  ['a PNG image', '\x89PNG\r\n\x1a\n'],
  ['a JPEG image', '\xff\xd8\xff\xe0'],
  ['a GIF image', 'GIF89a'],
  ['a program (ELF)', '\x7fELF'],
])('%s is named', (name, head) => {
  expect(refusal(Buffer.from(head, 'latin1'))).toMatchObject({
    code: 'not_a_text_file',
    message: expect.stringContaining(name),
  });
});

const types: Zipped = { name: '[Content_Types].xml', content: '<Types/>' };
const sheet: Zipped = { name: 'xl/worksheets/sheet1.xml', content: '<worksheet/>' };
const mimetype: Zipped = { name: 'mimetype', content: 'application/vnd.oasis.opendocument.spreadsheet', method: 0 };

test.each<[string, Zipped[]]>([
  ['an Excel workbook', [types, sheet]],
  ['an Excel workbook', [{ name: 'docProps/app.xml', content: '<x/>', streamed: 'signed' }, sheet, types]],
  ['an OpenDocument spreadsheet', [mimetype, { name: 'content.xml', content: '<x/>' }]],
  ['an Office document', [types, { name: 'word/document.xml', content: '<x/>' }]],
])('%s is named by its entries, and is no packing', (name, files) => {
  for (const streamed of [undefined, 'signed', 'bare', 'zip64'] as const) {
    const head = archive(files.map((file) => ({ ...file, streamed })));
    expect(refusal(head)).toMatchObject({ code: 'not_a_text_file', message: expect.stringContaining(name) });
    expect(packingOf(head)).toBeNull();
  }
});

test('a ZIP archive is no workbook by what its CSV file holds, nor by the folder in which it is', () => {
  const content = 'a,b\nxl/workbook.xml,opendocument\n[Content_Types].xml,PK\x03\x04\n';
  for (const name of ['x.csv', 'xl/x.csv', 'opendocument/x.csv', 'opendocument.csv'])
    for (const streamed of [undefined, 'signed'] as const)
      expect(packingOf(archive([{ name: 'xl/' }, { name, content, method: 0, streamed }]))).toBe('zip');
});

test('a gzip file is named', () => {
  expect(refusal(gzipSync('a,b\n1,2\n'))).toMatchObject({
    code: 'not_a_text_file',
    message: expect.stringContaining('gzip'),
  });
});

test('UTF-16 is text, with and without a byte order mark; UTF-32 is refused', () => {
  const little = Buffer.from('name,price\r\nÄpfel,1\r\n', 'utf16le');
  for (const head of [
    little,
    Buffer.from(little).swap16(),
    Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
    Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(little).swap16()]),
  ]) {
    expect(refusal(head)).toBeUndefined();
  }
  for (const head of [
    Buffer.from([...'a,b\n1,2\n'].flatMap((c) => [c.charCodeAt(0), 0, 0, 0])),
    Buffer.from([...'a,b\n1,2\n'].flatMap((c) => [0, 0, 0, c.charCodeAt(0)])),
  ]) {
    expect(refusal(head)).toMatchObject({ code: 'unsupported_encoding' });
  }
});

test('gzip and ZIP are packings', () => {
  expect(packingOf(gzipSync('a,b\n'))).toBe('gzip');
  expect(packingOf(Buffer.from('PK\x03\x04....data.csv', 'latin1'))).toBe('zip');
  expect(packingOf(Buffer.from('a,b\n'))).toBeNull();
});

test('an empty file and binary data are refused', () => {
  expect(refusal(Buffer.alloc(0))).toMatchObject({ code: 'empty_file' });
  expect(refusal(Buffer.from(Array.from({ length: 999 }, (_, k) => (k * 7919) % 256)))).toMatchObject({
    code: 'not_a_text_file',
  });
});

test('text passes, with a single NUL, a byte order mark, and headers that look like signatures', () => {
  for (const head of [
    'a,b\n1,\0\n',
    '\ufeffa,b\n',
    'PAR1,PAR2\n',
    'BZh,x\n',
    'ä;ö\n',
    'MZ,x\n',
    'BM,x\n',
    'GIF,x\n',
    'ID3,x\n',
    'x',
  ]) {
    expect(refusal(Buffer.from(head))).toBeUndefined();
  }
});
