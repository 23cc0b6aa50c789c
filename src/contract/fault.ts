import { TaskError } from './errors.js';
import type { TaskFault } from './task.js';

/** Returns the error as plain data: its class would not survive a copy to another thread or into a database. */
export function toFault({ code, detail, extras: { row, byte_offset, column, value } }: TaskError): TaskFault {
  return { code, detail, row, byte_offset, column, value };
}

/** Returns the error that `toFault` was given. */
export function toError({ code, detail, row, byte_offset, column, value }: TaskFault): TaskError {
  return new TaskError(code, detail, { row, byte_offset, column, value });
}
