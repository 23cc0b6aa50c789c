import { isUtf8 } from 'node:buffer';
import { cutToBytes } from '../contract/cut-to-bytes.js';
import type { TaskError } from '../contract/errors.js';
import { MAX_COLUMNS, MAX_NAME_BYTES } from '../contract/limits.js';
import { csvError } from './csv-error.js';
import { type Dialect, hasBom, separatorLine } from './dialect.js';
import { type FieldContent, grammarOf, RecordView, readRecord } from './record.js';

const RESERVED = ['_row', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'];

/**
 * Reads the header line. `end` is the offset in the file of the first data record (BOM, leading blank lines and a
 * `sep=;` line counted in); names are as in the file, unquoted.
 * @param head the file's beginning, from byte 0
 * @param final the head is the whole file, so the header may lack its line end
 * @throws {TaskError} record_too_large, unclosed_quote (the header does not end within head), invalid_utf8,
 *   empty_file, not_a_text_file (a NUL in a name), too_many_columns above 1,599
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
      throw csvError(
        'empty_file',
        'The file holds no header line and no data. Send one whose first line names the columns.',
      );
    if (!readRecord(bytes, at, limit, grammar, view)) throw noHeaderEnd(head.length, view);
    at = view.next;
  } while (view.end === view.start);
  if (!isUtf8(bytes.subarray(view.start, view.end))) {
    const advice = 'The header line is not valid UTF-8. Save the file as UTF-8 and upload it again.';
    throw csvError('invalid_utf8', advice, { byte_offset: view.start });
  }
  if (view.nul > 0) {
    const advice = `The name of column ${view.nul} in the header line holds a NUL byte. Remove it and upload the file again.`;
    throw csvError('not_a_text_file', advice, { byte_offset: view.start });
  }
  if (view.fields > MAX_COLUMNS) {
    const detail = `The file has ${view.fields} columns; a table takes at most ${MAX_COLUMNS}. Split the file by columns.`;
    throw csvError('too_many_columns', detail);
  }
  const names = Array.from({ length: view.fields }, (_, k) => textOf(view.field(bytes, k)));
  return { names, end: Math.min(view.next, head.length) };
}

/**
 * The names the columns get in PostgreSQL: unique, at most 63 bytes of UTF-8, the original spelling (NFC) wherever
 * that is possible. Control characters are dropped, empty names become `column_3`, repeated or reserved names
 * `name_2`, `name_3`.
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

function noHeaderEnd(size: number, view: RecordView): TaskError {
  if (view.openQuote >= 0) {
    const detail =
      'A quote in the header line is opened here and never closed. Close it, or double it if it belongs to a name.';
    return csvError('unclosed_quote', detail, { byte_offset: view.openQuote });
  }
  const detail = `The header line does not end within the first ${size} bytes. Check that the file has line breaks.`;
  return csvError('record_too_large', detail, { byte_offset: view.start });
}

function textOf({ bytes, start, end }: FieldContent): string {
  return bytes.toString('utf8', start, end);
}

function cleanName(header: string): string {
  const wellFormed = Buffer.from(header, 'utf8').toString('utf8');
  const name = wellFormed.replace(/\p{Cc}/gu, '').normalize('NFC');
  return name.trim() === '' ? '' : name;
}
