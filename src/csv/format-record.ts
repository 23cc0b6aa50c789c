import type { Dialect } from './dialect.js';

/**
 * One record as CSV, without a terminator: null is an unquoted empty field, '' is `""`. Values are quoted where they
 * hold the delimiter, a quote or a line break, where they are `\.`, which alone on a line ends the input of older
 * COPYs, and where they begin with U+FEFF, which at the beginning of a file is a byte order mark.
 */
export function formatRecord(values: (string | null)[], delimiter: Dialect['delimiter']): string {
  return values.map((value) => formatField(value, delimiter)).join(delimiter);
}

function formatField(value: string | null, delimiter: string): string {
  if (value === null) return '';
  const plain = value !== '' && value !== '\\.' && !value.includes(delimiter) && !/^\ufeff|["\r\n]/.test(value);
  return plain ? value : `"${value.replaceAll('"', '""')}"`;
}
