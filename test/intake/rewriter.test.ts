import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Reading } from '../../src/contract/task.js';
import type { CsvEngine } from '../../src/csv/engine.js';
import { grammarOf, RecordView, readRecord } from '../../src/csv/record.js';
import { linesDecoder } from '../../src/dialect/decode-lines.js';
import { Rewriter } from '../../src/intake/rewriter.js';
import { dialectOf, eachEngine, WITH_KERNEL, WITHOUT_KERNEL } from '../csv/support.js';

const WORDING: Reading['wording'] = { delimiter: ',', quote: "'", escape: "'", newline: '\n', skip_space: false };

const WORDINGS: Reading['wording'][] = [
  WORDING,
  { ...WORDING, escape: null },
  { ...WORDING, escape: '\\' },
  { ...WORDING, quote: '"', escape: '\\' },
  { ...WORDING, quote: '"', escape: '"' },
];

function readingOf(wording: Reading['wording'], nulls: string[][] = [[], []]): Reading {
  const fields = [0, 1].map((field) => ({ field, nulls: nulls[field]! }));
  const shape = { columns: 2, trailingDelimiter: false, looks: [], dataStart: 0, fields };
  return { encoding: 'utf-8', wording, malformed: 'quarantine', ...shape };
}

/** The text that is written and the rows that cannot be read, of a file that comes in blocks of so many lines. */
function rewritten(
  csv: CsvEngine,
  lines: string[],
  reading: Reading,
  most: number,
): { text: string; unread: number[] } {
  const rewriter = new Rewriter(reading, csv);
  const decode = linesDecoder('utf-8');
  const blocks = [];
  for (let from = 0, offset = 0; from < lines.length; from += most) {
    const source = Buffer.from(lines.slice(from, from + most).join(''));
    blocks.push(rewriter.take({ ...decode(source), source, sourceOffset: offset }));
    offset += source.length;
  }
  blocks.push(rewriter.take(null));
  const text = Buffer.concat(blocks.map((block) => block.text)).toString();
  return { text, unread: blocks.flatMap(({ unread }) => unread.map(({ row }) => row)) };
}

eachEngine((csv) => {
  it('writes the same records however the lines come, also where quotes are opened and not closed', () => {
    const piece = fc.constantFrom("'", "''", '"', ',', 'a', '\\', "\\'", ' ');
    const line = fc.array(piece, { maxLength: 8 }).map((pieces) => `${pieces.join('')}\n`);
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 60 }), fc.constantFrom(...WORDINGS), (lines, wording) => {
        const whole = rewritten(csv, lines, readingOf(wording), lines.length);
        for (const most of [1, 3, 20]) expect(rewritten(csv, lines, readingOf(wording), most)).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(WORDINGS)(
    'a file whose every line opens a quote is searched once for the quote that closes it: %j',
    (wording) => {
      const line = `1,${wording.quote}abc\n`;
      const { unread } = rewritten(
        csv,
        Array.from({ length: 100_000 }, () => line),
        readingOf(wording),
        10_000,
      );
      expect(unread.length).toBeGreaterThan(99_000);
    },
  );
});

/** The records of a text for the engine, NULL as null. */
function recordsOf(text: string, newline: '\n' | '\r'): (string | null)[][] {
  const bytes = Buffer.from(text);
  const grammar = grammarOf(dialectOf({ newline }));
  const view = new RecordView(2);
  const records: (string | null)[][] = [];
  for (let at = 0; at < bytes.length; at = view.next) {
    expect(readRecord(bytes, at, bytes.length - 1, grammar, view)).toBe(true);
    const fields = Array.from({ length: Math.min(view.fields, 2) }, (_, k) => view.field(bytes, k));
    if (!view.isBlank(2))
      records.push(
        fields.map(({ bytes: from, start, end, isNull }) => (isNull ? null : from.toString('utf8', start, end))),
      );
  }
  return records;
}

it('finds the same values, NULLs, second tables and bad records with a fast path and without it', () => {
  const piece = fc.constantFrom(
    '"',
    '""',
    ',',
    ',',
    'a',
    'b',
    'NULL',
    '-',
    '',
    '\r',
    '\n',
    '\0',
    'a long value of more than 16 bytes',
  );
  const plain = fc.array(fc.constantFrom('a', 'b', 'NULL', '-', '', '"a"', '"NULL"', '""', '"q""r"'), {
    minLength: 2,
    maxLength: 2,
  });
  const line = fc.oneof(
    { arbitrary: plain.map((cells) => cells.join(',')), weight: 3 },
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  );
  const nulls = fc.constantFrom<string[][]>(
    [[], []],
    [['NULL'], ['-', '']],
    [['q"r'], ['"']],
    [['a'], ['a', 'a long value of more than 16 bytes']],
  );
  const headers = fc.constantFrom<string[]>(['b', 'a'], ['', 'a'], ['-', ''], ['q"r', 'a'], ['', '']);
  const lines = fc.array(line, { minLength: 1, maxLength: 40 });
  const newlines = fc.constantFrom(...(['\n', '\r\n', '\r'] as const));
  fc.assert(
    fc.property(
      lines,
      nulls,
      newlines,
      fc.constantFrom(1, 7, 40),
      headers,
      (texts, nullTexts, newline, most, header) => {
        const wording = { ...WORDING, quote: '"', escape: '"', newline };
        const reading = { ...readingOf(wording, nullTexts), header };
        const [fast, slow] = [WITH_KERNEL, WITHOUT_KERNEL].map((csv) => {
          const { text, unread } = rewritten(
            csv,
            texts.map((one) => `${one}${newline}`),
            reading,
            most,
          );
          return { unread, records: recordsOf(text, newline === '\r' ? '\r' : '\n') };
        });
        expect(fast).toEqual(slow);
      },
    ),
    { numRuns: 1000 },
  );
});

it.each([
  ['utf-8', '\xef\xbb\xbf'],
  ['utf-8', '\xef\xbb\xbf\xef\xbb\xbf'],
  ['gb18030', '\x84\x31\x95\x33'],
])('a record after a byte order mark has its own place in a file of %s', (encoding, mark) => {
  const source = Buffer.from(`${mark}1,\xffx\n2,y,z\n`, 'latin1');
  const decoded = linesDecoder(encoding)(source);
  const dataStart = decoded.text.indexOf('1');
  const wording = { ...WORDING, quote: '"', escape: '"' };
  const rewriter = new Rewriter({ ...readingOf(wording), encoding, dataStart }, WITHOUT_KERNEL);
  const { unread } = rewriter.take({ ...decoded, source, sourceOffset: 0 });
  expect([...unread, ...rewriter.take(null).unread]).toMatchObject([
    { row: 1, reason: 'invalid_utf8', byteOffset: mark.length, raw: Buffer.from('1,\xffx', 'latin1') },
    { row: 2, reason: 'too_many_fields', byteOffset: mark.length + 5, raw: Buffer.from('2,y,z') },
  ]);
});
