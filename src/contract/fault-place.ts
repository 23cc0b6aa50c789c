import type { ErrorCode, ErrorPlace } from './errors.js';
import type { TaskFault } from './task.js';

/** Where and by which error a task stopped: all that Temporal learns of a fault. Its texts stay in PostgreSQL. */
export interface FaultPlace extends Pick<ErrorPlace, 'row' | 'byte_offset' | 'column_number'> {
  code: ErrorCode;
}

/** The place of a fault without its texts. */
export function placeOf({ code, row, byte_offset, column_number }: TaskFault): FaultPlace {
  return {
    code,
    ...(row !== undefined && { row }),
    ...(byte_offset !== undefined && { byte_offset }),
    ...(column_number !== undefined && { column_number }),
  };
}

/** Says a place in words: `reject_limit at row 3, column 2, byte 17`. */
export function describePlace({ code, row, byte_offset, column_number }: FaultPlace): string {
  const words = [
    row !== undefined && `row ${row}`,
    column_number !== undefined && `column ${column_number}`,
    byte_offset !== undefined && `byte ${byte_offset}`,
  ].filter((word) => word !== false);
  return words.length > 0 ? `${code} at ${words.join(', ')}` : code;
}

/**
 * The number of a column, from 1, by its name in the header; undefined where the name is not there, or not there once.
 */
export function columnNumber(headers: readonly string[], name: string | null | undefined): number | undefined {
  const index = name == null ? -1 : headers.indexOf(name);
  return index >= 0 && headers.lastIndexOf(name!) === index ? index + 1 : undefined;
}
