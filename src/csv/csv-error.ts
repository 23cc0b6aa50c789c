export type CsvErrorCode =
  | 'empty_file'
  | 'not_a_text_file'
  | 'unsupported_encoding'
  | 'invalid_utf8'
  | 'unclosed_quote'
  | 'record_too_large'
  | 'too_many_columns'
  | 'unsupported_dialect';

/** Where in the file the fault lies: rows count data records from 1, offsets are bytes from the start of the file. */
export interface CsvErrorPlace {
  row?: number;
  byteOffset?: number;
  column?: string;
  value?: string;
}

/**
 * A file that cannot be read as CSV. The message is written for the person who made the file: what is wrong, where, and
 * what to do. `row` is relative to the segment that was read; `shiftRow` makes it the file's own.
 */
export class CsvError extends Error {
  override readonly name = 'CsvError';
  readonly code: CsvErrorCode;
  readonly row?: number;
  readonly byteOffset?: number;
  readonly column?: string;
  readonly value?: string;
  /** The message without the place. */
  readonly detail: string;

  constructor(code: CsvErrorCode, detail: string, place: CsvErrorPlace = {}) {
    super(placeWords(place) + detail);
    this.code = code;
    this.detail = detail;
    if (place.row !== undefined) this.row = place.row;
    if (place.byteOffset !== undefined) this.byteOffset = place.byteOffset;
    if (place.column !== undefined) this.column = place.column;
    if (place.value !== undefined) this.value = place.value;
  }

  /** The same error with its row (and the row in its message) moved by the number of rows before the segment. */
  shiftRow(by: number): CsvError {
    if (this.row === undefined) return this;
    const { byteOffset, column, value } = this;
    return new CsvError(this.code, this.detail, { row: this.row + by, byteOffset, column, value });
  }
}

function placeWords({ row, byteOffset, column }: CsvErrorPlace): string {
  const words: string[] = [];
  if (row !== undefined) words.push(`row ${row}`);
  if (column !== undefined) words.push(`column "${column}"`);
  if (byteOffset !== undefined) words.push(`byte ${byteOffset}`);
  if (words.length === 0) return '';
  const place = words.join(', ');
  return `${place[0].toUpperCase()}${place.slice(1)}: `;
}
