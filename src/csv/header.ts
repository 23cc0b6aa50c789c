import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { cutToBytes } from '../contract/cut-to-bytes.js';
import { CsvError } from './csv-error.js';
import { type Dialect, hasBom, separatorLine } from './dialect.js';
import { MAX_COLUMNS } from './kernel.js';
import { grammarOf, RecordView, readRecord } from './record.js';

/** PostgreSQL cuts identifiers after 63 bytes (NAMEDATALEN - 1), with a NOTICE only. */
const MAX_NAME_BYTES = 63;
/** A code point that Unicode sets aside as never a character (The Unicode Standard, 23.7), so that no name holds it. */
const NO_LINE_END = '\ufdd0';
const RESERVED = ['_row', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'];

/**
 * Reads the header line. `end` is the offset in the file of the first data record (BOM, leading blank lines and a `sep=;`
 * line counted in); names are as in the file, unquoted.
 * @param head the file's beginning, from byte 0
 * @param final the head is the whole file, so the header may lack its line end
 * @throws CsvError record_too_large, unclosed_quote (the header does not end within head), invalid_utf8, empty_file,
 *   not_a_text_file (a NUL in a name), too_many_columns above 1,599
 */
export function readHeader(head: Buffer, dialect: Dialect, final = false): { names: string[]; end: number } {
  const grammar = grammarOf(dialect);
  const view = new RecordView(Number.POSITIVE_INFINITY);
  const bytes = final ? Buffer.concat([head, Buffer.of(grammar.eol)]) : head;
  const limit = bytes.lastIndexOf(grammar.eol);
  let at = hasBom(head) ? 3 : 0;
  const separator = separatorLine(head.subarray(at));
  if (separator?.delimiter === dialect.delimiter) at += separator.length;
  do {
    if (final && at >= head.length)
      throw new CsvError(
        'empty_file',
        'The file holds no header line and no data. Send one whose first line names the columns.',
      );
    if (!readRecord(bytes, at, limit, grammar, view)) throw noHeaderEnd(head.length, view);
    at = view.next;
  } while (view.end === view.start);
  if (!isUtf8(bytes.subarray(view.start, view.end))) {
    const advice = 'The header line is not valid UTF-8. Save the file as UTF-8 and upload it again.';
    throw new CsvError('invalid_utf8', advice, { byteOffset: view.start });
  }
  if (view.nul > 0) {
    const advice = `The name of column ${view.nul} in the header line holds a NUL byte. Remove it and upload the file again.`;
    throw new CsvError('not_a_text_file', advice, { byteOffset: view.start });
  }
  if (view.fields > MAX_COLUMNS) {
    const detail = `The file has ${view.fields} columns; a table takes at most ${MAX_COLUMNS}. Split the file by columns.`;
    throw new CsvError('too_many_columns', detail);
  }
  return { names: fieldTexts(bytes, view, dialect.delimiter), end: Math.min(view.next, head.length) };
}

/**
 * The names the columns get in PostgreSQL: unique, at most 63 bytes of UTF-8, the original spelling (NFC) wherever that is
 * possible. Control characters are dropped, empty names become `column_3`, names taken twice or reserved `name_2`, `name_3`.
 */
export function columnNames(headers: string[]): string[] {
  const wanted = headers.map((header, index) => cutToBytes(cleanName(header) || `column_${index + 1}`, MAX_NAME_BYTES));
  const taken = new Set([...RESERVED, ...wanted]);
  const used = new Set(RESERVED);
  const lastSuffix = new Map<string, number>();
  return wanted.map((name) => {
    if (!used.has(name)) {
      used.add(name);
      return name;
    }
    // Also the names that later columns want are avoided, so that they keep their spelling.
    for (let n = (lastSuffix.get(name) ?? 1) + 1; ; n++) {
      const suffix = `_${n}`;
      const candidate = cutToBytes(name, MAX_NAME_BYTES - suffix.length) + suffix;
      if (taken.has(candidate)) continue;
      lastSuffix.set(name, n);
      taken.add(candidate);
      return candidate;
    }
  });
}

function noHeaderEnd(size: number, view: RecordView): CsvError {
  if (view.openQuote >= 0) {
    const detail =
      'A quote in the header line is opened here and never closed. Close it, or double it if it belongs to a name.';
    return new CsvError('unclosed_quote', detail, { byteOffset: view.openQuote });
  }
  const detail = `The header line does not end within the first ${size} bytes. Check that the file has line breaks.`;
  return new CsvError('record_too_large', detail, { byteOffset: view.start });
}

/** The names of a header that is well formed are what csv-parse reads; with a stray quote, what stands between the delimiters. */
function fieldTexts(bytes: Buffer, view: RecordView, delimiter: string): string[] {
  if (view.stray === 0) {
    // The record is cut out already: a line break in it is part of a name.
    const options = { delimiter, record_delimiter: [NO_LINE_END], relax_column_count: true, skip_empty_lines: false };
    return parse(bytes.subarray(view.start, view.end), options)[0] as string[];
  }
  const texts: string[] = [];
  for (let k = 0; k < view.fields; k++) {
    const text = bytes.toString('utf8', view.starts[k], view.ends[k]);
    texts.push(view.quoted[k] ? text.replaceAll('""', '"') : text);
  }
  return texts;
}

function cleanName(header: string): string {
  const wellFormed = Buffer.from(header, 'utf8').toString('utf8');
  const name = wellFormed.replace(/\p{Cc}/gu, '').normalize('NFC');
  return name.trim() === '' ? '' : name;
}
