import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGzip, gzipSync } from 'node:zlib';
import { type ExportFormat, PLAIN_FORMAT } from '../contract/task.js';
import { formatRecord } from '../csv/format-record.js';
import { NewlineWriter } from '../csv/newline-writer.js';
import { encodeText } from '../dialect/encoder.js';
import type { CsvOptions } from '../postgres/copy-out.js';
import type { WrittenColumn } from '../tables/export.js';
import { canBeFormula, guardFormula } from '../tables/guard-formulas.js';
import { asDownload, type Column, type TaskRow } from '../tasks/tasks.js';

/** Returns how the file of a download is written. */
export function formatOf(task: TaskRow): ExportFormat {
  return asDownload(task).options.format ?? PLAIN_FORMAT;
}

/**
 * Returns how each column of a download is written, by its place.
 * @param types as the table has them now: that of an upload may have changed since
 */
export function writtenColumns(task: TaskRow, types: string[]): WrittenColumn[] {
  const { columns, options } = asDownload(task);
  const guards = options.formulas === 'escape';
  return columns!.map(({ form }, i) => ({ form, isGuarded: guards && canBeFormula(types[i]!) }));
}

/** Returns what COPY itself does of a format. @param names of the columns that are read, by their place */
export function copyOptions(
  { delimiter, quote, escape: escapedBy, quoted }: ExportFormat,
  names: string[],
): CsvOptions {
  const forceQuote = quoted === 'all' ? quoted : quoted === 'needed' ? [] : quoted.map((place) => names[place - 1]!);
  return { delimiter, quote, escape: escapedBy, forceQuote };
}

/** Converts the rows of a part from COPY's output to the line ends and the encoding of the format. */
export function writeRows(rows: Readable, format: ExportFormat, partNo: number): AsyncIterable<Buffer> {
  const isLeading = !format.final_newline;
  const ended = format.newline === '\n' && !isLeading ? rows : withNewlines(rows, format, partNo);
  return format.encoding === 'utf-8' ? ended : encoded(ended, format.encoding);
}

async function* withNewlines(rows: Readable, format: ExportFormat, partNo: number): AsyncGenerator<Buffer> {
  const isFirst = partNo === 1 && !format.header;
  const writer = new NewlineWriter({ ...format, isLeading: !format.final_newline, isFirst });
  for await (const chunk of rows) yield writer.write(chunk);
}

async function* encoded(rows: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for await (const chunk of rows) yield encodeText(decoder.decode(chunk, { stream: true }), encoding);
}

/** Compresses the rows of a part: gzip's members are one file when they are joined (RFC 1952, 2.2). */
export function compressed(rows: AsyncIterable<Buffer>, { compression }: ExportFormat): AsyncIterable<Buffer> {
  if (compression === null) return rows;
  // An error in either stream destroys the other one and reaches the reader.
  return pipeline(Readable.from(rows, { objectMode: false }), createGzip(), () => {});
}

/** Returns the byte order mark and the header, as the format has them; null where it has neither. */
export function beginningOf(task: TaskRow): Buffer | null {
  const format = formatOf(task);
  const header = format.header ? headerOf(task.columns!, format, asDownload(task).options.formulas === 'escape') : '';
  const text = `${format.bom ? '\ufeff' : ''}${header}`;
  if (text === '') return null;
  const bytes = encodeText(text, format.encoding);
  return format.compression === 'gzip' ? gzipSync(bytes) : bytes;
}

/** The header line. An empty name is an empty field, quoted where it would else be an empty line. */
function headerOf(columns: Column[], format: ExportFormat, isGuarded: boolean): string {
  const names = columns.map(({ original }) => (isGuarded ? guardFormula(original) : original));
  const isBare = names.length > 1 && !format.quoted_header;
  const fields = names.map((name) => (name === '' && isBare ? null : name));
  const line = formatRecord(fields, { ...format, quoteAll: format.quoted_header });
  return format.final_newline ? line + format.newline : line;
}
