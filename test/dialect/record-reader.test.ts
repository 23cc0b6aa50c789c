import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detect } from '../../src/dialect/detect.js';
import type { Wording } from '../../src/dialect/grammar.js';
import { RecordReader } from '../../src/dialect/record-reader.js';
import { cellsOf, RFC, readRows } from './support.js';

const CHUNKS = [1, 2, 3, 7, 4096];

const WORDINGS: Wording[] = [
  RFC,
  { ...RFC, delimiter: ';', newline: '\r\n' },
  { ...RFC, delimiter: '\t', newline: '\r' },
  { ...RFC, delimiter: ', ' },
  { ...RFC, delimiter: '<=>', quote: "'", escape: "'" },
  { ...RFC, delimiter: '§', newline: '\r\r\n' },
  { ...RFC, newline: 'mixed' },
  { ...RFC, skip_space: true },
];

/** A quote that does not close a field is text. */
const LENIENT: Wording[] = [
  { ...RFC, quote: "'", escape: "'" },
  { ...RFC, quote: "'", escape: null },
  { ...RFC, escape: '\\' },
  { ...RFC, escape: '!' },
];

function written(rows: readonly (readonly (string | null)[])[], { delimiter, quote, newline }: Wording): string {
  const eol = newline === 'mixed' ? '\n' : newline;
  const cell = (value: string | null) =>
    value === null ? '' : quote + value.replaceAll(quote!, quote! + quote) + quote;
  return rows.map((row) => row.map(cell).join(delimiter) + eol).join('');
}

const cell = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('', '"', '""', "'", ',', ', ', '\r', '\n', '\r\n', '\\.', '\\N', ' ', ';', '<=>'),
  },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !text.includes('\0')) },
);
const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 12 });

describe('the reader', () => {
  it.each(WORDINGS)('gives back every cell of %j, however the bytes are cut', (wording) => {
    let cells = 0;
    fc.assert(
      fc.property(table, (rows) => {
        const text = written(rows, wording);
        const wanted = rows.map((row) => [...row]);
        cells += rows.length * 3;
        for (const size of CHUNKS)
          expect(readRows(text, { wording, columns: 3 }, size).map((one) => one.cells)).toEqual(wanted);
      }),
      { numRuns: 800 },
    );
    expect(cells).toBeGreaterThan(12_500);
  });

  it('gives the same records, rejects and repairs of any text, however it is cut', () => {
    const piece = fc.constantFrom('"', '""', ',', '\n', '\r\n', 'a', 'b c', '\\', '!', ' ', '1', '\0', "'");
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    const policy = fc.constantFrom('quarantine' as const, 'repair' as const);
    fc.assert(
      fc.property(text, policy, fc.constantFrom(...WORDINGS, ...LENIENT), (input, malformed, wording) => {
        const whole = readRows(input, { wording, malformed, columns: 2 });
        for (const size of CHUNKS) expect(readRows(input, { wording, malformed, columns: 2 }, size)).toEqual(whole);
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with csv-parse on well-formed files', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', '1', ' ', 'é', '.', '-'), minLength: 1, maxLength: 6 });
    const quoted = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' '), maxLength: 6 });
    const field = fc.oneof(
      plain,
      quoted.map((value) => `"${value.replaceAll('"', '""')}"`),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { minLength: 1 }), fc.boolean(), (rows, ends) => {
        const text = rows.map((row) => row.join(',')).join('\n') + (ends ? '\n' : '');
        expect(readRows(text, {}).map((one) => one.cells)).toEqual(parse(text, { skip_empty_lines: true }));
      }),
      { numRuns: 1000 },
    );
  });

  it('continues at any record with its row number', () => {
    const text = Buffer.from('1,a\n2,"x\ny"\n3,c\n4,d\n');
    const reader = new RecordReader({ wording: RFC, columns: 2, malformed: 'quarantine', firstRow: 3 });
    expect(reader.read(text, text.indexOf('3,c'), true)).toMatchObject({ row: 3, reject: null });
  });

  it.each([
    ['a quote that closes only before a delimiter', '1,"5" wide, red"\n', { escape: null }, [['1', '5" wide, red']]],
    ["an apostrophe inside of '", "1,'won't, no'\n", { quote: "'", escape: '"' }, [['1', "won't, no"]]],
    ['a doubled " inside of \'', '1,\'5"" x\'\n', { quote: "'", escape: '"' }, [['1', '5" x']]],
    ['an escaped quote', '1,"8\\\'9\\" x"\n', { escape: '\\' }, [['1', '8\\\'9" x']]],
    [
      'a backslash at the end',
      '1,"c:\\\\"\n2,"\\\\s"\n',
      { escape: '\\' },
      [
        ['1', 'c:\\'],
        ['2', '\\\\s'],
      ],
    ],
    ['a quote escaped by another character', '"say !"hi!" ok",4\n', { escape: '!' }, [['say "hi" ok', '4']]],
    ['such a quote before a delimiter', '"x!",y",2\n', { escape: '!' }, [['x",y', '2']]],
    [
      'other such characters',
      '"a!b!!c!!",2\n!"3,!!\n',
      { escape: '!' },
      [
        ['a!b!!c!', '2'],
        ['!"3', '!!'],
      ],
    ],
    [
      "an escape and '",
      "'it!'s',2\n'a!!','b'\n",
      { quote: "'", escape: '!' },
      [
        ["it's", '2'],
        ['a!', 'b'],
      ],
    ],
    ['a " before the closing \'', '\'a "b"\',2\n', { quote: "'", escape: '"' }, [['a "b"', '2']]],
    [
      'no quotes',
      '1,5" x\n"2,b"\n',
      { quote: null, escape: null },
      [
        ['1', '5" x'],
        ['"2', 'b"'],
      ],
    ],
    ['no quotes but escapes', '1\\,5,x\\\ny\n', { quote: null, escape: '\\' }, [['1,5', 'x\ny']]],
    [
      'spaces after delimiters',
      '1,  "a, b" \n2,   c d\n',
      { skip_space: true },
      [
        ['1', 'a, b'],
        ['2', 'c d'],
      ],
    ],
  ] as [string, string, Partial<Wording>, string[][]][])('reads %s', (_, text, changes, wanted) => {
    expect(cellsOf(text, { wording: { ...RFC, ...changes } })).toEqual(wanted);
  });

  it('drops an empty field behind a trailing delimiter, and rejects a filled one', () => {
    expect(cellsOf('1,a,\n2,b,x\n3,c\n', { trailingDelimiter: true })).toEqual([
      ['1', 'a'],
      'too_many_fields',
      ['3', 'c'],
    ]);
  });

  it('never takes a row without a value for a header that names nothing', () => {
    const header = ['', ''];
    expect(cellsOf(',\n1,2\n', { header })).toEqual([
      [null, null],
      ['1', '2'],
    ]);
    expect(cellsOf(',,\n1,2,3,4\n', { header: ['', '', '', 'd'], columns: 4 })).toEqual([
      'too_few_fields',
      ['1', '2', '3', '4'],
    ]);
  });

  it('keeps an LF as data where CR ends the records, after a CR too', () => {
    const wording = { ...RFC, newline: '\r' as const };
    expect(cellsOf('a,b\r\nc,d\r"e\n",\nf\r', { wording })).toEqual([
      ['a', 'b'],
      ['\nc', 'd'],
      ['e\n', '\nf'],
    ]);
  });

  it('rejects the rows of a second table one by one', () => {
    const rows = readRows('1,a\nid,name\n1,b\n2,c\n', { header: ['id', 'name'] });
    expect(rows.map((one) => one.reason)).toEqual([null, 'second_table', 'second_table', 'second_table']);
  });
});

describe('a malformed record', () => {
  it.each([
    ['1,"a\n2,"b"\n3,c\n', ['unclosed', ['2', 'b'], ['3', 'c']]],
    ['1,a\n2,"b\n3,c\n4,d\n', [['1', 'a'], 'unclosed', ['3', 'c'], ['4', 'd']]],
    ['1,x"y\n2,b\n', ['stray', ['2', 'b']]],
    ['1,"a"b\n2,b\n', ['stray', ['2', 'b']]],
    ['1\n2,b\n3,b,c\n', ['too_few_fields', ['2', 'b'], 'too_many_fields']],
    ['1,a\0\n2,b\n', ['nul_byte', ['2', 'b']]],
  ])('of %j is rejected alone', (text, wanted) => {
    const rows = readRows(text, {}).map(({ cells, reason }) => cells ?? reason);
    expect(rows.map((one) => (typeof one === 'string' ? one.replace(/_quote$/, '') : one))).toEqual(
      wanted.map((one) => (one === 'unclosed' && rows[0] === 'stray_quote' ? 'stray' : one)),
    );
  });

  it('is given back byte for byte', () => {
    expect(readRows('1,"a" é\t\n2,b\n', {})[0]).toMatchObject({ raw: '1,"a" é\t', row: 1 });
  });

  it.each([
    ['1,"x,a b,"c, d"\n', 4, ['1', '"x', 'a b', 'c, d'], ['quote_as_text']],
    ['"1,x,a b,"c, d"\n', 4, ['"1', 'x', 'a b', 'c, d'], ['quote_as_text']],
    ['1,2,3,"\n', 4, ['1', '2', '3', '"'], ['quote_as_text']],
    ['1,""x, y",z\n', 3, ['1', '"x, y', 'z'], ['quote_doubled_at_start']],
    ['1,37°36\'37.8"N 121°2\'17.9"W,x\n', 3, ['1', '37°36\'37.8"N 121°2\'17.9"W', 'x'], ['stray_quote_kept']],
    ['1,"a "b" c",x\n', 3, ['1', 'a "b" c', 'x'], ['stray_quote_kept']],
    ['1,2\n', 3, ['1', '2', null], ['short_row_padded']],
    ['1,2,3,,\n', 3, ['1', '2', '3'], ['surplus_dropped']],
    ['1,a"b, c",d\n', 5, ['1', 'a"b, c"', 'd', null, null], ['stray_quote_kept', 'short_row_padded']],
  ])('of %j is repaired to %d fields', (text, columns, cells, repairs) => {
    for (const end of ['', '4,5\n']) {
      const [first] = readRows(text + end, { columns, malformed: 'repair' });
      expect(first).toMatchObject({ cells, repairs, reason: null });
    }
  });

  it.each([
    ['\\', 'C:\\\\dir \\"x\\"', 'C:\\\\dir "x"'],
    ['!', 'a!!b !"x!"', 'a!!b "x"'],
  ])('is repaired with escapes read as in any other record: %s', (escapedBy, written, value) => {
    const wording = { ...RFC, escape: escapedBy };
    const text = `"${written}",1\n"${written}","open\n`;
    expect(cellsOf(text, { wording, malformed: 'repair' })).toEqual([
      [value, '1'],
      [value, '"open'],
    ]);
  });

  it.each(['1,2,3,4\n', 'a note\n', '1,2,3,,5\n'])(
    'of %j is not repaired: a value would be lost or guessed',
    (text) => {
      expect(readRows(text, { columns: 3, malformed: 'repair' })[0].reason).toMatch(/^too_(few|many)_fields$/);
    },
  );

  it('with an empty field too many keeps each value in its column', () => {
    const looks = [
      { kind: 'number' as const, shape: null },
      { kind: 'moment' as const, shape: null },
      { kind: null, shape: null },
    ];
    const [row] = readRows('7,,2024-01-01,x\n', { columns: 3, malformed: 'repair', looks });
    expect(row).toMatchObject({ cells: ['7', '2024-01-01', 'x'], repairs: ['empty_field_dropped'] });
  });

  it('is listed and counted: rows in the file are rows read and rejected', () => {
    const text = '1,a\n2\n\n3,"b\n4,c,d\n5,e\n';
    const rows = readRows(text, { malformed: 'repair' });
    expect(rows.map((one) => one.row)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('time', () => {
  const cases: [string, (size: number) => string][] = [
    ['quotes only', (size) => '"'.repeat(size)],
    ['commas in one line', (size) => `${','.repeat(size)}\n`],
    ['mixed line ends', (size) => 'a,b\r\nc,d\ne,f\r'.repeat(size / 13)],
    ['lines that each open a quote', (size) => '1,"a\n'.repeat(size / 5)],
    ['10,000 quotes in a row, again and again', (size) => `${'"'.repeat(10_000)}x,\n`.repeat(size / 10_003)],
  ];
  it.each(cases)('grows no faster than the file of %s', (_, make) => {
    const seconds = (size: number) => {
      const text = Buffer.from(make(size));
      const wording = { ...RFC, newline: 'mixed' as const };
      const reader = new RecordReader({ wording, columns: 2, malformed: 'repair', firstRow: 1 });
      const began = performance.now();
      for (let one = reader.read(text, 0, true); one; one = reader.read(text, one.next, true));
      return (performance.now() - began) / 1000;
    };
    seconds(1e5);
    const small = Math.max(seconds(2e5), 0.05);
    expect(seconds(8e5)).toBeLessThan(small * 4 * 3);
  });
});

describe('csv-spectrum', () => {
  const folder = path.resolve('node_modules/csv-spectrum');
  const names = readdirSync(path.join(folder, 'csvs')).map((name) => name.replace('.csv', ''));

  it('has 12 files', () => expect(names).toHaveLength(12));

  it.each(names)('%s', (name) => {
    const text = readFileSync(path.join(folder, 'csvs', `${name}.csv`));
    const wanted = JSON.parse(readFileSync(path.join(folder, 'json', `${name}.json`), 'utf8'));
    const malformed = name === 'location_coordinates' ? 'repair' : 'quarantine';
    const found = detect(text, { whole: true, given: { encoding: 'utf-8', header_rows: 1 }, malformed });
    const { header, columns, dataStart } = found;
    const rows = readRows(text.toString('utf8').slice(dataStart), { wording: found.dialect, columns, malformed });
    const objects = rows.map(({ cells }) => Object.fromEntries(header.map((key, k) => [key, cells?.[k] ?? ''])));
    expect(objects).toHaveLength([wanted].flat().length);
    // Its JSON has another telephone number than its CSV, and neither is UTF-8.
    if (name === 'location_coordinates')
      expect(objects[0]).toMatchObject({ Cities: 'Modesto', Counties: 'Stanislaus' });
    else expect(objects).toEqual([wanted].flat());
  });
});
