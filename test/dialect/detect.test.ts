import { describe, expect, it } from 'vitest';
import { detect } from '../../src/dialect/detect.js';
import type { GivenDialect } from '../../src/dialect/file-dialect.js';

function found(text: string | Buffer, given?: GivenDialect) {
  return detect(Buffer.from(text as string), { whole: true, given });
}

function warningsOf(text: string): string {
  return found(text).dialect.warnings.join('\n');
}

describe('the delimiter', () => {
  it.each([
    ['a,b,c\n1,2,x\n3,4,y\n', ','],
    ['a;b;c\n1;2;x\n3;4;y\n', ';'],
    ['a\tb\tc\n1\t2\tx\n3\t4\ty\n', '\t'],
    ['a|b|c\n1|2|x\n3|4|y\n', '|'],
    ['a^b^c\n1^2^x\n3^4^y\n', '^'],
    ['a~b~c\n1~2~x\n3~4~y\n', '~'],
    ['a:b:c\n1:2:x\n3:4:y\n', ':'],
    ['id count place\n1 2 Rome\n3 4 Oslo\n5 6 Bern\n', ' '],
    ['a||b||c\n1||2||x\n3||4||y\n', '||'],
    ['name;price\nWidget, large;1\nGadget, small, red;2\nThing;3\n', ';'],
    ['when,at\n2024-01-01 10:15:00,12:30\n2024-01-02 11:15:00,12:45\n', ','],
  ])('of %j is found', (text, delimiter) => {
    expect(found(text)).toMatchObject({ question: null, dialect: { delimiter, header_rows: 1 } });
  });

  it.each([
    ['Ort;Preis, EUR\nBonn;2,50\nKiel;31,75\nJena;4,20\n', ';', ['Ort', 'Preis, EUR']],
    ['Preis, EUR;Ort\n2,50;Bonn\n31,75;Kiel\n4,20;Jena\n', ';', ['Preis, EUR', 'Ort']],
    ['Ort\tPreis, EUR\nBonn\t2,50\nKiel\t31,75\n', '\t', ['Ort', 'Preis, EUR']],
    ['Ort;Netto, EUR;Brutto, EUR\nBonn;2,50;3,10\nKiel;31,75;40,00\n', ';', ['Ort', 'Netto, EUR', 'Brutto, EUR']],
  ])('is not the comma of decimals in %j', (text, delimiter, header) => {
    expect(found(text)).toMatchObject({ header, dialect: { delimiter } });
  });

  it.each(['sep=^\n', '"sep=^"\r\n', '\ufeffSEP=^\n'])('is what the line %j names', (line) => {
    const text = `${line}x^y^z\n1^2^u,v\n3^4^w\n`;
    const result = found(text);
    expect(result).toMatchObject({ header: ['x', 'y', 'z'], dialect: { delimiter: '^', skip_lines: 0 } });
    expect(Buffer.from(text).toString('utf8', result.dataStart)).toBe('1^2^u,v\n3^4^w\n');
  });

  it('is a question where one occurs in nearly every line but never gives an equal number of columns', () => {
    const text = 'a;b;c\n1;2\n3;4;5;6;7\n8;9;1;2\n3;4;5;6;7;8;9\n1;2;3;4;5;6;7;8\n';
    expect(found(text).question).toMatch(/Nearly every line contains ";"/);
    expect(found(text, { delimiter: ';' }).question).toBeNull();
  });

  it('is a question where commas may be decimal ones', () => {
    expect(found('Betrag\n1,50\n22,75\n').question).toMatch(/decimal/);
    expect(found('Betrag\n1,50\n22,75\n', { delimiter: ';' })).toMatchObject({ columns: 1, question: null });
  });

  it('is a question where each line is in quotes as a whole', () => {
    expect(found('"id,name,n"\n"1,Ann,2"\n"2,Bob,3"\n').question).toMatch(/quoted as a whole/);
  });

  it.each(['name', '"name"', 'full name', '"name, first"'])(
    'that each value has in quotes is no question below a name without it: %s',
    (name) => {
      const values = ['Doe, Jane', 'Roe, Rick ""R.""', "O'Hara, Scarlett", 'Lee, Bo', 'Ek, An'];
      const { columns, question, dialect } = found(`${name}\n${values.map((one) => `"${one}"\n`).join('')}`);
      expect(question === null).toBe(!name.includes(','));
      if (question === null) expect([columns, dialect.warnings]).toEqual([1, [expect.stringContaining('one column')]]);
    },
  );

  it('is not made up for a file of one column', () => {
    expect(found('name\nAnn\nBob\nCem\n')).toMatchObject({ columns: 1, question: null, dialect: { delimiter: ',' } });
    const prose = 'remark\nIt rained all day long\nFine\nThe train was late again\nNothing\nA bird sang\n';
    expect(found(prose)).toMatchObject({ columns: 1, question: null });
  });

  it.each([
    'name\nJohn Smith\nJane Doe\nMary Jones\n',
    'name\nJohn Smith\n',
    'full name\nJohn Smith\nJane Doe\nAnn Marie Jones\n',
    'Report\nid count place\n1 2 Rome\n3 4 Oslo\n',
    'date time\n2024-01-01 10:00:00\n2024-01-02 11:00:00\n',
    'log\n2024-01-01 10:00:00 ERROR x\n2024-01-01 10:00:01 INFO y\n',
    'room\nRoom 12 free\nRoom 13 taken\nRoom 14 free\n',
    'Room 12 free\nRoom 13 taken since May\nRoom 14 free\n',
  ])('is none where words stand between spaces: %j', (text) => {
    const result = found(text);
    expect(result).toMatchObject({ columns: 1, question: null, dialect: { delimiter: ',', skip_lines: 0 } });
    expect(result.header).toEqual([text.split('\n')[0]]);
    expect(warningsOf(text)).toMatch(/read as one column. .* by space/);
  });

  it.each([
    ['url', 'http://a.com/x', 'https://b.com/y'],
    ['start time', '2024-01-01 10:00:00', '2024-01-02 11:00:00'],
    ['time', '10:15:00', '10:16:00'],
    ['address', '00:1a:2b:3c:4d:5e', '00:1a:2b:3c:4d:5f'],
    ['ip', 'fe80::1', '2001:db8::2'],
    ['ip', '2001:db8:0:0:0:0:0:1', '2001:db8:0:0:0:0:0:2'],
    ['phone', '+49 351 0000', '+49 351 0001'],
    ['phone number', '0351 123456', '0351 123457'],
    ['00:1a:2b:3c:4d:5e', '00:1a:2b:3c:4d:5f', '00:1a:2b:3c:4d:60'],
  ])('is none in a column of %s above %s', (...lines) => {
    expect(found(`${lines.join('\n')}\n`)).toMatchObject({
      columns: 1,
      header: [lines[0]],
      question: null,
      dataStart: lines[0].length + 1,
      dialect: { delimiter: ',', skip_lines: 0 },
    });
  });

  it('is none of those that one column holds', () => {
    const text = 'comment\nhello\nyes, it is\nno\nwell, fine\n';
    expect(found(text)).toMatchObject({ columns: 1, header: ['comment'], dialect: { delimiter: ';' } });
  });

  it.each([',', ';'])('is the %j of the header where the rows have none', (delimiter) => {
    const text = `a${delimiter}b\n1\n1\n1${delimiter}2\n1\n`;
    expect(found(text)).toMatchObject({ header: ['a', 'b'], dataStart: 4, dialect: { delimiter } });
  });

  it('is the usual one of most lines rather than a space in every line', () => {
    const text = 'id,comment\n1,hello there\n2,yes, it is\n3,no way\n4,well, fine\n5,oh well\n';
    expect(found(text)).toMatchObject({ header: ['id', 'comment'], dialect: { delimiter: ',', skip_lines: 0 } });
  });

  it.each([
    ['root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n', ':', 7],
    ['1::1193::5::978300760\n1::661::3::978302109\n', '::', 4],
    ['x y\n1 2\n3 4\n', ' ', 2],
    ['date time n\n2024-01-01 10:00 1\n2024-01-02 11:00 2\n', ' ', 3],
    ['2024-01-01 10:00:00 INFO x\n2024-01-01 10:00:01 INFO y\n', ' ', 4],
    ['key:value\nx:1\ny:2\n', ':', 2],
  ])('of %j is a rare one that each line has', (text, delimiter, columns) => {
    expect(found(text)).toMatchObject({ columns, question: null, dialect: { delimiter, skip_lines: 0 } });
  });

  it.each([
    'name\nSmith, John\nDoe, Jane\n',
    'name\nSmith, John\n',
    'address\n12 Main St, Springfield, IL\n5 Elm St, Portland, OR\n',
    'remark\nfine\nfoo, bar\nx, y\n',
    'date\nJan 5, 2024\nFeb 6, 2024\n',
    'id,comment\n1,a, b, c, d\n2,e, f, g, h\n3,x, y, z, w\n',
    'home\n~ann\n~bob\n',
    'tags\na|b\nc|d\n',
    'Preis\n1.234,50\n2,75\n',
  ])('is a question where the first lines may be a title or the header: %j', (text) => {
    expect(found(text).question).toMatch(/may be titles above \d columns, or the header/);
    const first = text.split('\n')[0]!;
    expect(found(text, { delimiter: ';' })).toMatchObject({ question: null, columns: 1, header: [first] });
    expect(found(text, { skip_lines: 1 }).question).toBeNull();
  });

  it.each([
    ['Report\n\nname,city\nAnn,Rome\nBob,Oslo\n', 2, ['name', 'city']],
    ['Statement of May\nname,city,country\nAnn,Rome,IT\nBob,Oslo,NO\n', 1, ['name', 'city', 'country']],
    ['Report\nname,n\nAnn,1\nBob,2\n', 1, ['name', 'n']],
  ])('is no question where a title is clearly one: %j', (text, skip_lines, header) => {
    expect(found(text)).toMatchObject({ question: null, header, dialect: { skip_lines } });
  });

  it('may be given with up to 8 characters', () => {
    const text = 'a<=>b\n1<=>x,y\n2<=>z\n';
    expect(found(text, { delimiter: '<=>' })).toMatchObject({
      header: ['a', 'b'],
      dialect: { source: { delimiter: 'given' } },
    });
    expect(() => found(text, { delimiter: '123456789' })).toThrow(/delimiter "123456789" is not supported/);
  });
});

describe('quotes and escapes', () => {
  it.each<[GivenDialect, string]>([
    [{ quote: ';' }, 'a;b;c\n1;2;3\n4;5;6\n'],
    [{ quote: '|' }, 'sep=|\na|b|c\n1|2|3\n4|5|6\n'],
    [{ quote: '|' }, 'a||b\n1||2\n3||4\n'],
    [{ escape: ';' }, 'a;b;c\n1;2;3\n4;5;6\n'],
    [{ quote: ',' }, 'a b\n1 2\n3 4\n'],
    [{ delimiter: "'" }, "a'b'c\n1'2'3\n4' '6\n"],
    [{ delimiter: '\\' }, 'a\\"b"\n1\\"x"\n2\\"y\\"z"\n'],
  ])('are never the delimiter: given %j of %j', (given, text) => {
    const { delimiter, quote, escape: escapedBy } = found(text, given).dialect;
    for (const mark of [quote, escapedBy]) expect(mark === null || !delimiter.includes(mark)).toBe(true);
  });

  it('that are given leave the delimiter to be found', () => {
    expect(found('a,b\n;x,y;,1\n;z;,2\n', { quote: ';' })).toMatchObject({
      header: ['a', 'b'],
      dialect: { delimiter: ',', quote: ';', escape: ';' },
    });
    expect(found('a;b;c\n1;2;3\n4;5;6\n', { quote: ';' }).question).toMatch(/every line contains ";"/);
  });

  it.each([
    ["id,note\n1,'a, b'\n2,'c, d'\n3,'won't, no'\n", "'", "'"],
    ['id,note\n1,"say \\"hi\\", you"\n2,"a, b"\n3,"\\"x\\""\n', '"', '\\'],
    ['id,note,n\n1,"5" wide, red",1\n2,"a, b",2\n3,"6" high, blue",3\n4,"c",4\n', '"', null],
    ['id,size\n1,5" pipe\n2,6" pipe\n3,7" hose\n', null, null],
    ['id,note\n1,"say ""hi"""\n2,"a, b"\n', '"', '"'],
  ])('of %j are found', (text, quote, escapedBy) => {
    expect(found(text)).toMatchObject({
      columns: expect.any(Number),
      question: null,
      dialect: { quote, escape: escapedBy },
    });
  });

  it('knows spaces after the delimiter, before quotes too', () => {
    const { dialect, header } = found('id, name, city\n1, "Doe, J", Rome\n2, "Roe, R", Oslo\n');
    expect(dialect).toMatchObject({ delimiter: ',', skip_space: true });
    expect(header).toEqual(['id', 'name', 'city']);
  });
});

describe('line ends', () => {
  it.each([
    ['id,n\n1,2\n', '\n'],
    ['id,n\r\n1,2\r\n', '\r\n'],
    ['id,n\r1,2\r3,4', '\r'],
    ['id,n\r\r\n1,2\r\r\n3,4', '\r\r\n'],
    ['"id","n"\r\r\n"1","2"\r\r\n', '\r\r\n'],
    ['id,n\r1,2\n3,4\r5,6\n7,8\r\n9,1\n', 'mixed'],
    ['id,n\n1,a\rb\n2,c\n', '\n'],
  ])('of %j are found', (text, newline) => {
    expect(found(text)).toMatchObject({ columns: 2, dialect: { newline } });
  });

  it('are CRs alone where that is given: an LF after one belongs to the next value', () => {
    const result = found('x\r\ny\ra,b\r\n1,2\r3,4\r', { newline: '\r', skip_lines: 2, header_rows: 1 });
    expect(result).toMatchObject({ header: ['a', 'b'], dataStart: 'x\r\ny\ra,b\r'.length });
  });
});

describe('the lines around the records', () => {
  it('skips title lines and blank lines, and says so', () => {
    const text =
      'Statement of 2024-05-31\nAccount: main\n\nday;valuta;sum\n2024-05-01;2024-05-02;1.50\n2024-05-03;2024-05-04;-2.00\n';
    expect(found(text)).toMatchObject({ header: ['day', 'valuta', 'sum'], dialect: { delimiter: ';', skip_lines: 3 } });
    expect(warningsOf(text)).toMatch(/Skipped \d+ lines above the header/);
  });

  it('skips titles that carry the delimiters of the table', () => {
    expect(found('TITLE,,,\n,,,\nid,name,n,city\n1,Ann,2,Rome\n2,Bob,3,Oslo\n')).toMatchObject({
      header: ['id', 'name', 'n', 'city'],
      dialect: { skip_lines: 2 },
    });
  });

  it.each([';', '|'])('drops the field behind a trailing %j', (d) => {
    const rows = ['ean,brand,price', '1,Alpha,3.40,', '2,Beta,2.60,'].join('\n').replaceAll(',', d);
    expect(found(`${rows}\n`)).toMatchObject({
      columns: 3,
      trailingDelimiter: true,
      header: ['ean', 'brand', 'price'],
    });
  });

  it('keeps a last field that is not always empty', () => {
    expect(found('a;b\n1;2;\n3;4;x\n5;6;\n')).toMatchObject({ columns: 2, trailingDelimiter: false });
  });

  it('tells a file without a header by its first row', () => {
    const text = '1,2024-01-01,Rome\n2,2024-01-02,Oslo\n3,2024-01-03,Bern\n';
    expect(found(text)).toMatchObject({ header: ['', '', ''], dataStart: 0, dialect: { header_rows: 0 } });
    expect(warningsOf(text)).toMatch(/first record looks like the data/);
    expect(found(text, { header_rows: 1 }).header).toEqual(['1', '2024-01-01', 'Rome']);
  });

  it.each(['a,b\nx,y\nz,w\n', 'year,name\n2020,a\n2021,b\n', '2019,2020,name\n1.5,2.5,x\n1.25,3.5,y\n'])(
    'takes the first line of %j for the header',
    (text) => {
      expect(found(text).dialect.header_rows).toBe(1);
    },
  );

  it.each([
    'Country,Code,2019,2020,2021\nGermany,DE,15,25,35\nFrance,FR,16,24,31\nItaly,IT,11,22,33\n',
    ',2020,2010,2000\nGermany,15,25,35\nFrance,,24,31\nItaly,11,2000,33\n',
    '"2019","2020"\n15,25\n16,24\n',
    'Shop,1,2,3,4,5,6\nA,17,3,5,8,9,9\nB,8,8,1,2,0,5\n',
  ])('takes the numbers of the first line of %j for names', (text) => {
    expect(found(text).dialect.header_rows).toBe(1);
    expect(warningsOf(text)).toMatch(/numbers in the first record are read as column names/);
    expect(found(text, { header_rows: 0 }).dialect.header_rows).toBe(0);
  });

  it.each([
    'Ann,1950,1955\nBob,1900,1980\nCem,1920,2001\n',
    'DE,2019,2020\nDE,15,16\nFR,11,12\n',
    'x,1,2,3,4\ny,5,6,7,8\nz,9,10,11,12\n',
    '1,2,3,4\n7,5,9,1\n3,8,8,0\n',
    'Ann,1,2\nBob,7,5\nCem,3,8\n',
    'Ann,2019\nBob,15\nCem,8\n',
  ])('takes the numbers of the first line of %j for values', (text) => {
    expect(found(text).dialect.header_rows).toBe(0);
  });

  it.each([
    ['name\n\n\nbob\n\neve\n', {}, 'name\n', 0],
    ['\n\nname\n\nbob\n', {}, '\n\nname\n', 2],
    ['\n\n1\n2\n\n3\n', { header_rows: 0 }, '', 0],
    ['title\n\n\n1\n2\n', { header_rows: 0, skip_lines: 1 }, 'title\n', 1],
  ])(
    'begin the data of one column right after the header: a blank line is a row in %j',
    (text, given, above, skipped) => {
      expect(found(text, given)).toMatchObject({
        columns: 1,
        dataStart: above.length,
        dialect: { skip_lines: skipped },
      });
    },
  );

  it.each([
    ['a,b\n1,2\n3,4\n', {}, 3, true, /skip_lines 3 leave no record in the file: it has 3 lines/],
    ['a,b\r\n1,2\r\n3,4', {}, 100_000, true, /skip_lines 100000 .* has 3 lines/],
    ['a,b\r1,2\r3,4\r\r', {}, 3, true, /has 4 lines/],
    ['\ufeffa,b\n', { header_rows: 0, delimiter: ';' }, 2, true, /has 1 line\./],
    ['a,b\n1,2\n', {}, 100_000, false, /in the first MiB of the file/],
  ])('must be fewer than those of %j, given %j', (text, given, skip_lines, whole, words) => {
    expect(() => detect(Buffer.from(text), { whole, given: { ...given, skip_lines } })).toThrow(words);
  });

  it('that leave blanks alone are no quoted lines', () => {
    const blank = found('title\n  \n \n', { skip_lines: 1 });
    expect(blank).toMatchObject({ columns: 1, question: null });
    expect(blank.dialect.warnings.filter((warning) => warning.includes('in quotes'))).toEqual([]);
  });

  it('joins the names of several header rows by a space', () => {
    const text = 'size,weight,kind\ncm,kg,name\n1.5,2.5,x\n2.5,3.5,y\n';
    expect(found(text)).toMatchObject({ header: ['size cm', 'weight kg', 'kind name'], dialect: { header_rows: 2 } });
    expect(found(text, { header_rows: 1 }).header).toEqual(['size', 'weight', 'kind']);
  });

  it('never takes a broken first row for a second header', () => {
    const text = 'day,time,n,code\n2024-01-0110:00,2,AB-1\n2024-01-02,11:00,3,AB-2\n2024-01-03,12:00,4,AB-3\n';
    expect(found(text).dialect.header_rows).toBe(1);
  });
});

describe('the answer', () => {
  it('is the same each time and says what was given', () => {
    const text = 'a;b\n1;2\n';
    expect(found(text)).toEqual(found(text));
    expect(found(text, { delimiter: ';', quote: null }).dialect.source).toMatchObject({
      delimiter: 'given',
      quote: 'given',
      newline: 'detected',
    });
  });

  it('drops each byte order mark', () => {
    const text = '\ufeff\ufeffid,name\r\n1,Ann\r\n';
    const result = found(text);
    expect(result).toMatchObject({ header: ['id', 'name'], dialect: { bom: true } });
    expect(result.dialect.warnings.join()).toMatch(/2 byte order marks/);
    expect(Buffer.from(text).toString('utf8', result.dataStart)).toBe('1,Ann\r\n');
  });

  it('follows the byte order mark where UTF-16 is given', () => {
    const text = Buffer.from('\ufeffid,name\n1,Ann\n', 'utf16le').swap16();
    for (const encoding of ['utf-16', 'utf-16le'])
      expect(found(text, { encoding })).toMatchObject({
        header: ['id', 'name'],
        dialect: { encoding: 'utf-16be', source: { encoding: 'detected' } },
      });
  });

  it.each([
    ['', 1500, 120, ','],
    ['Report\n\n', 700, 200, ';'],
    ['Report,,\nof 2024,,\n', 1590, 600, ','],
    ['', 400, 400, '\t'],
  ])('names the columns of a header that is longer than the sample, after %j', (titles, count, length, delimiter) => {
    const names = Array.from({ length: count }, (_, k) => `c${k}_`.padEnd(length, 'ä'));
    const row = (k: number) => `${names.map((_, i) => k * i).join(delimiter)}\n`;
    const text = `${titles}${names.join(delimiter)}\n${row(1)}${row(2)}${row(3)}`;
    for (const given of [{}, { delimiter }]) {
      const result = found(text, given);
      expect(result).toMatchObject({ columns: count, header: names, question: null, dialect: { delimiter } });
      expect(Buffer.from(text).toString('utf8', result.dataStart)).toBe(`${row(1)}${row(2)}${row(3)}`);
    }
  });

  it.each([
    ['"a"b\n"c"d\n"e"f\n', {}],
    ['"a"b\n"c"d\n"e"f\n', { delimiter: ',' }],
    ['"a^b\nb^c\nc^d\n', { delimiter: '^' }],
  ])('without a column is a question about the quotes: %j, given %j', (text, given) => {
    expect(found(text, given).question).toMatch(/columns are not known.*quote/);
    expect(found(text, { ...given, quote: null })).toMatchObject({ question: null });
  });

  it('takes time in proportion to the head, however long its lines are', () => {
    const heads = [" 'a", '"",', 'x', 'a,b;c\td|e^f~g:h i§'].map((piece) => piece.repeat(1e6 / piece.length));
    for (const line of heads) {
      const head = Buffer.from(`${line}\n${'1,2\n'.repeat(20)}`);
      const began = performance.now();
      detect(head, { whole: false });
      expect(performance.now() - began).toBeLessThan(1500);
    }
    const began = performance.now();
    expect(found(`${'\r'.repeat(1e5)}a,b\r1,2\r`, { skip_lines: 100_000 }).header).toEqual(['a', 'b']);
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('takes less than 200 ms for the first MiB', () => {
    const row = '12;"Müller; Söhne";1.234,50;31.12.2024;https://example.org/x?y=1|2\n';
    const head = Buffer.from(`id;name;sum;day;link\n${row.repeat(16_000)}`).subarray(0, 1 << 20);
    detect(head, { whole: false });
    const began = performance.now();
    expect(detect(head, { whole: false }).columns).toBe(5);
    expect(performance.now() - began).toBeLessThan(200);
  });
});
