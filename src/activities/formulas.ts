import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { stringify } from 'csv-stringify';
import { stringify as stringifySync } from 'csv-stringify/sync';
import type { Column } from '../tasks/tasks.js';

/** Types whose values are numbers, dates or the like: never a formula, however they begin. */
const HARMLESS =
  /^(integer|bigint|smallint|numeric|real|double precision|boolean|date|time|timestamp|uuid|interval|bytea|inet)/;

/**
 * Makes text values safe to open in a spreadsheet: one that begins with = + - @ tab or CR gets an apostrophe in front
 * (OWASP ASVS 5.0, 1.2.10). Numbers stay as they are; NULL and the empty string stay apart.
 */
export function escapeFormulas(csv: Readable, columns: Column[]): AsyncIterable<Buffer> {
  // COPY writes NULL as an empty field and the empty string as "": null and '' between the two libraries.
  const records = parse({ cast: (value, { quoting }) => (value === '' && !quoting ? null : value) });
  const text = stringify({
    escape_formulas: true,
    quoted_match: /^$/,
    cast: {
      string: (value, { index }) => (HARMLESS.test(columns[index]!.type) ? { value, escape_formulas: false } : value),
    },
  });
  csv.on('error', (error) => records.destroy(error));
  records.on('error', (error) => text.destroy(error));
  return csv.pipe(records).pipe(text) as AsyncIterable<Buffer>;
}

/** The same for one record of texts, with its line end. */
export function escapeRecord(values: string[]): string {
  // Quoted: what would be an empty line, and what would be a byte order mark at the beginning of a file.
  const quoted_match = values.length === 1 ? /^$|^\ufeff/ : /^\ufeff/;
  return stringifySync([values], { escape_formulas: true, quoted_match });
}
