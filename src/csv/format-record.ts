/** How the fields of a record are put together. */
export interface RecordStyle {
  delimiter: string;
  quote?: string;
  /** The character that escapes a quote inside quotes. */
  escape?: string;
  /** Quotes also what need not be quoted; null never is. */
  quoteAll?: boolean;
}

/**
 * Returns one record as CSV, without a terminator: null is an unquoted empty field, '' is `""`. Quotes a value that
 * - holds the delimiter, a quote or a line break
 * - is `\.`, which alone on a line ends the input of older COPYs
 * - begins with U+FEFF, which at the beginning of a file is a byte order mark
 */
export function formatRecord(values: (string | null)[], style: string | RecordStyle): string {
  const as = typeof style === 'string' ? { delimiter: style } : style;
  return values.map((value) => formatField(value, as)).join(as.delimiter);
}

function formatField(
  value: string | null,
  { delimiter, quote = '"', escape: escapedBy = quote, quoteAll }: RecordStyle,
): string {
  if (value === null) return '';
  const isPlain = value !== '' && value !== '\\.' && !value.includes(delimiter) && !value.includes(quote);
  if (isPlain && !quoteAll && !/^\ufeff|[\r\n]/.test(value)) return value;
  const escaped = escapedBy === quote ? value : value.replaceAll(escapedBy, () => escapedBy + escapedBy);
  return quote + escaped.replaceAll(quote, () => escapedBy + quote) + quote;
}
