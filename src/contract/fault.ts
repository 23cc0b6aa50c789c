import { TaskError } from './errors.js';
import type { TaskFault } from './task.js';

/** What stopped a step, before it is stored: with the reject limit that the step had read. */
export type Fault = TaskFault & Pick<TaskError['extras'], 'limit'>;

/** Returns the error as plain data: its class would not survive a copy to another thread or into a database. */
export function toFault({ code, detail, extras }: TaskError): Fault {
  const { row, byte_offset, column, column_number, value, limit } = extras;
  return { code, detail, row, byte_offset, column, column_number, value, ...(limit !== undefined && { limit }) };
}

/** Returns the error that `toFault` was given. */
export function toError({ code, detail, ...place }: Fault): TaskError {
  return new TaskError(code, detail, place);
}

/** Tells whether a result is a fault. */
export function isFault<T extends object>(answer: T): answer is Extract<T, TaskFault> {
  return 'code' in answer;
}
