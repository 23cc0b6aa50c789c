import { TaskError } from './errors.js';
import type { TaskFault } from './task.js';

/** Returns the error as plain data: its class would not survive a copy to another thread or into a database. */
export function toFault({ code, detail, extras }: TaskError): TaskFault {
  const { row, byte_offset, column, column_number, value } = extras;
  return { code, detail, row, byte_offset, column, column_number, value };
}

/** Returns the error that `toFault` was given. */
export function toError({ code, detail, ...place }: TaskFault): TaskError {
  return new TaskError(code, detail, place);
}
