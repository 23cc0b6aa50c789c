import type { TaskError } from '../contract/errors.js';
import { csvError } from '../csv/csv-error.js';
import type { ColumnLook } from './column-looks.js';
import { decodeLoosely } from './decoder.js';
import { detectEncoding, encodingAsGiven } from './detect-encoding.js';
import { countNewlines, newlineReadings } from './detect-newline.js';
import { canDelimit, detectWording } from './detect-wording.js';
import { encodingOf } from './encodings.js';
import { FieldList } from './field-list.js';
import { assertGiven, type DialectKey, type FileDialect, type GivenDialect } from './file-dialect.js';
import { lineEnd, newlineAt, textGrammar } from './grammar.js';
import { detectLayout, type Layout } from './layout.js';
import type { MalformedPolicy } from './record-reader.js';
import { repairLine } from './repair.js';
import { type Candidate, readSample } from './wording-candidates.js';

export interface DetectOptions {
  /** The head is the whole file. */
  whole: boolean;
  given?: GivenDialect;
  malformed?: MalformedPolicy;
  /** The number of columns, where it is known otherwise than by the file. */
  columns?: number;
}

export type Source = 'detected' | 'given';

/** How a file is written, and where its records begin. */
export interface Detection {
  dialect: FileDialect & { source: Record<DialectKey, Source>; warnings: string[] };
  columns: number;
  /** The header's cells; empty texts where the file names no column. */
  header: string[];
  /** Offset of the first record below the header, in bytes of the text as UTF-8 with every U+FEFF at its beginning. */
  dataStart: number;
  /** What the values of the columns look like. */
  looks: ColumnLook[];
  /** The lines of the file end in a delimiter, which adds no field. */
  trailingDelimiter: boolean;
  /** Records at the end of the head that look like notes, where the head is the whole file. */
  footers: number;
  /** What must be asked before the file can be read (`unclear_dialect`), else null. */
  question: string | null;
}

/** The number of characters at the beginning that tell the wording. */
const SAMPLE = 131_072;
const KEYS: readonly DialectKey[] = [
  ...(['encoding', 'bom', 'delimiter', 'quote', 'escape', 'newline'] as const),
  ...(['header_rows', 'skip_lines', 'skip_space'] as const),
];

/**
 * Finds how a file is written by its first bytes, at most 1 MiB of them; a given value overrides the detected one.
 * The same bytes give the same answer. The result is whole even where `question` is set: it is the likeliest reading.
 * @throws {TaskError} unsupported_dialect for a given value that is not supported, or skips all lines
 */
export function detect(
  head: Buffer,
  { whole: isWhole, given = {}, malformed = 'quarantine', columns }: DetectOptions,
): Detection {
  assertGiven(given);
  const found = encodingFor(head, isWhole, given);
  const text = decodeLoosely(head, found.encoding);
  const beginning = prefixOf(text);
  const body = text.slice(beginning.length);
  const start = beginning.length + skippedLines(body, given);
  if (given.skip_lines && isBlank(text.slice(start)) && !isBlank(body)) throw nothingLeft(body, given, isWhole);
  const sampleText = text.slice(start, sampleEnd(text, start));
  const sample = Buffer.from(sampleText);
  const final = isWhole && start + sampleText.length === text.length;
  const newlines = newlineReadings(countNewlines(sampleText, final));
  const isNamed = given.delimiter === undefined && canDelimit(beginning.delimiter ?? '', given);
  const named = isNamed ? beginning.delimiter : undefined;
  const wanted = named === undefined ? given : { ...given, delimiter: named };
  const verdict = detectWording({ sample, text: sampleText, final, newlines, given: wanted });
  const candidate = repairedHead(verdict.best, sample, final, malformed, columns);
  const repairs = malformed === 'repair';
  const layout = detectLayout({ candidate, given, columns, repairs, whole: final && candidate.records.length < 200 });
  const skipped = given.skip_lines ?? linesBefore(sample, candidate, layout);
  const place = { skip_lines: skipped, header_rows: given.header_rows ?? layout.headerRows };
  return {
    dialect: {
      ...{ encoding: found.encoding, bom: given.bom ?? found.bom },
      ...candidate.wording,
      ...place,
      source: sourceOf(given, found.encoding),
      warnings: [...found.warnings, ...beginning.warnings, ...verdict.warnings, ...layout.warnings],
    },
    columns: layout.columns,
    header: layout.header,
    dataStart: Buffer.byteLength(text.slice(0, start)) + dataOffset(candidate, layout, sample),
    looks: layout.looks,
    trailingDelimiter: layout.trailingDelimiter,
    footers: layout.footers,
    question: found.question ?? columnsQuestion(layout, candidate, final) ?? verdict.question ?? layout.question,
  };
}

/** A file without a record has no columns, and nothing to ask about. */
function columnsQuestion({ columns }: Layout, { records }: Candidate, final: boolean): string | null {
  if (columns > 0 || (final && records.length === 0)) return null;
  return 'The columns are not known: the first record does not end, or its quotes do not fit. Give the quote of the file: null where no character quotes.';
}

interface EncodingFound {
  encoding: string;
  bom: boolean;
  warnings: string[];
  question: string | null;
}

function encodingFor(head: Buffer, whole: boolean, given: GivenDialect): EncodingFound {
  if (given.encoding !== undefined) return { ...encodingAsGiven(head, whole, given.encoding), question: null };
  const verdict = detectEncoding(head, whole);
  if (verdict) return { ...verdict, question: null };
  const question = 'The bytes of the file fit no encoding that is read. Give the encoding.';
  return { encoding: 'windows-1252', bom: false, warnings: [], question };
}

interface Beginning {
  length: number;
  delimiter?: string;
  warnings: string[];
}

/** The marks U+FEFF at the beginning, and the line `sep=;` that Excel writes, also in quotes. */
function prefixOf(text: string): Beginning {
  const marks = /^\ufeff*/.exec(text)![0].length;
  const warnings = marks > 1 ? [`The file begins with ${marks} byte order marks: none of them is data.`] : [];
  const line = /^("?)sep=([^\r\n"]{1,8})\1[;,\t]*(?:\r\r\n|\r\n|\n|\r)/i.exec(text.slice(marks, marks + 32));
  return { length: marks + (line?.[0].length ?? 0), delimiter: line?.[2], warnings };
}

function isBlank(text: string): boolean {
  return !/[^\r\n]/.test(text);
}

function nothingLeft(text: string, { skip_lines, newline }: GivenDialect, whole: boolean): TaskError {
  const ends = text.match(lineEnds(newline)) ?? [];
  const ended = ends.reduce((lines, end) => lines + (end.endsWith('\n') ? 1 : end.length), 0);
  const lines = ended + (/[\r\n]$/.test(text) ? 0 : 1);
  const place = whole ? 'the file' : 'the first MiB of the file, by which its dialect is found';
  const detail = `The skip_lines ${skip_lines} leave no record in ${place}: it has ${lines} ${lines === 1 ? 'line' : 'lines'}. Give fewer.`;
  return csvError('unsupported_dialect', detail);
}

/** A run of CRs is found once: looked at from each of its CRs it takes time by the square of its length. */
function lineEnds(newline: GivenDialect['newline']): RegExp {
  return newline === '\r' ? /\r/g : /\r*\n|\r+/g;
}

/** Characters of the lines that are skipped as given. */
function skippedLines(text: string, { skip_lines = 0, newline }: GivenDialect): number {
  const ends = lineEnds(newline);
  for (let left = skip_lines; left > 0; ) {
    const end = ends.exec(text);
    if (!end) return text.length;
    const lines = end[0].endsWith('\n') ? 1 : end[0].length;
    if (lines > left) return end.index + left;
    left -= lines;
  }
  return ends.lastIndex;
}

/** Returns where the sample ends. A long line that it would cut, such as a wide header, is in it with what follows. */
function sampleEnd(text: string, start: number): number {
  const end = start + SAMPLE;
  const at = text.slice(end - SAMPLE / 2).search(/[\r\n]/);
  if (at < 0) return text.length;
  return at < SAMPLE / 2 ? end : end + at;
}

/** A header whose quotes are wrong is repaired like any record: then its names are known. */
function repairedHead(
  candidate: Candidate,
  sample: Buffer,
  final: boolean,
  malformed: MalformedPolicy,
  columns = candidate.columns,
): Candidate {
  const faulty = candidate.records.slice(0, 10).some((one) => one.isFaulty);
  if (!faulty || malformed !== 'repair') return candidate;
  const grammar = textGrammar(candidate.wording);
  const fields = new FieldList(columns + 1);
  const records = readSample(sample, final, candidate.wording).map((one) => {
    if (!one.isFaulty) return one;
    const end = lineEnd(sample, one.offset, sample.length, grammar);
    if (!repairLine(sample, one.offset, end, grammar, columns, fields)) return one;
    return { ...one, cells: fields.texts(), count: columns, isFaulty: false };
  });
  return { ...candidate, records };
}

/** Physical lines above the header or the first record. */
function linesBefore(sample: Buffer, { records, wording }: Candidate, layout: Layout): number {
  const { titles, headerRows, columns } = layout;
  // Without a header a blank line above the first value is a row.
  if (columns === 1 && headerRows === 0 && titles === 0) return 0;
  const until = records[titles]?.offset ?? 0;
  const grammar = textGrammar(wording);
  let lines = 0;
  for (let at = 0; at < until; lines++) {
    const end = lineEnd(sample, at, sample.length, grammar);
    at = end + Math.max(1, newlineAt(sample, end, sample.length, grammar));
  }
  return lines;
}

function dataOffset({ records }: Candidate, { titles, headerRows, columns }: Layout, sample: Buffer): number {
  // A blank line is a row there.
  if (columns === 1 && headerRows > 0) return records[titles + headerRows - 1]!.next;
  if (columns === 1 && titles === 0) return 0;
  const first = records[titles + headerRows];
  if (first) return first.offset;
  return records.at(-1)?.next ?? sample.length;
}

function sourceOf(given: GivenDialect, encoding: string): Record<DialectKey, Source> {
  const isOverruled = given.encoding !== undefined && encodingOf(given.encoding) !== encoding;
  const isGiven = (key: DialectKey) => given[key] !== undefined && !(key === 'encoding' && isOverruled);
  const entries = KEYS.map((key) => [key, isGiven(key) ? 'given' : 'detected'] as const);
  return Object.fromEntries(entries) as Record<DialectKey, Source>;
}
