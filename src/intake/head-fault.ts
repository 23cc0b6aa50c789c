import { TaskError } from '../contract/errors.js';
import { toFault } from '../contract/fault.js';
import type { TaskFault } from '../contract/task.js';

/** An error of a head as plain data, with the fields of the request that it is about. */
export type HeadFault = TaskFault & Pick<TaskError['extras'], 'errors'>;

/** Returns the error as data, which another thread can be given. */
export function toHeadFault(error: TaskError): HeadFault {
  return { ...toFault(error), errors: error.extras.errors };
}

/** Throws the error that `toHeadFault` was given, if there is one. @throws {TaskError} */
export function throwFault(fault: HeadFault | undefined): void {
  if (!fault) return;
  const { code, detail, ...extras } = fault;
  throw new TaskError(code, detail, extras);
}
