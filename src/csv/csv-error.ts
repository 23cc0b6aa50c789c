import { type ErrorCode, type ErrorPlace, TaskError } from '../contract/errors.js';

/** What can be wrong with a file as CSV. */
export type CsvErrorCode = Extract<
  ErrorCode,
  | 'empty_file'
  | 'not_a_text_file'
  | 'unsupported_encoding'
  | 'invalid_utf8'
  | 'unclosed_quote'
  | 'record_too_large'
  | 'too_many_columns'
  | 'unsupported_dialect'
>;

/**
 * Makes the error of a file that cannot be read as CSV. It speaks to the person who made the file.
 * @param detail what is wrong and what to do
 * @param place where in the file: rows count data records from 1, bytes count from 0
 */
export function csvError(code: CsvErrorCode, detail: string, place: ErrorPlace = {}): TaskError {
  return new TaskError(code, placeWords(place) + detail, place);
}

function placeWords({ row, column, byte_offset }: ErrorPlace): string {
  const words: string[] = [];
  if (row !== undefined) words.push(`row ${row}`);
  if (column !== undefined) words.push(`column "${column}"`);
  if (byte_offset !== undefined) words.push(`byte ${byte_offset}`);
  if (words.length === 0) return '';
  const place = words.join(', ');
  return `${place[0].toUpperCase()}${place.slice(1)}: `;
}
