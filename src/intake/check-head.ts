import { type FieldError, invalidRequest, type TaskError } from '../contract/errors.js';
import type { GivenDialect } from '../contract/requests.js';
import type { Source } from '../contract/task.js';
import { listNearest, MAX_LISTED } from '../csv/nearest-names.js';
import { assertGiven } from '../dialect/file-dialect.js';
import type { Store } from '../storage/store.js';
import type { FileOptions } from './file-options.js';
import { throwFault } from './head-fault.js';
import type { Heads } from './heads.js';
import { type ColumnPlan, planColumns } from './plan-columns.js';
import { possibleHeaders } from './possible-headers.js';
import { headOf, readHead } from './read-head.js';

/**
 * Checks a file by its head, as the task would, and the columns that the request names by its header.
 * @param head the first `HEAD_BYTES` of the file, or all of it
 * @throws {TaskError} invalid_request, and what `readHead` finds
 */
export function checkHead(head: Buffer, isWhole: boolean, options: FileOptions): void {
  const { headers, question } = readHead(head, isWhole, options);
  // The header is unknown until the user answers the question.
  if (question === null) checkColumns(headers, options.columns);
}

/** @throws {TaskError} invalid_request for a column that is not in the header, or where none is left */
export function checkColumns(headers: string[], given: FileOptions['columns']): ColumnPlan {
  const plan = planColumns(headers, given);
  if (plan.missing.length > 0) throw unknownColumns(plan.missing, headers);
  if (plan.columns.length === 0) throw invalidRequest([{ field: 'columns', detail: 'must leave one column at least' }]);
  return plan;
}

/**
 * Checks the columns that the request names as soon as the header has arrived.
 * @param head the first bytes of the file
 * @returns whether further bytes can add nothing
 * @throws {TaskError} invalid_request when a column is missing by every delimiter that the header may be read with
 */
export function checkColumnsEarly(head: Buffer, options: FileOptions): boolean {
  const { columns } = options;
  if (columns === undefined) return true;
  const possible = possibleHeaders(head, options.dialect);
  if (!possible) return false;
  const missing = possible.map((headers) => planColumns(headers, columns).missing);
  if (missing.every((names) => names.length > 0)) throw unknownColumns(missing[0]!, possible[0]!);
  return true;
}

/** Checks what a request says of a file, without the file. @throws {TaskError} unsupported_dialect */
export function checkDialect(dialect: GivenDialect): void {
  assertGiven(dialect);
}

/** Checks a stored file. @throws {TaskError} as `checkHead` */
export async function checkStored(
  store: Store,
  { key }: Source,
  options: FileOptions,
  heads?: Pick<Heads, 'check'>,
): Promise<void> {
  const file = await store.open(key);
  try {
    const { bytes, isWhole } = await headOf(file);
    if (heads) throwFault(await heads.check(bytes, isWhole, options));
    else checkHead(bytes, isWhole, options);
  } finally {
    await file.close();
  }
}

function unknownColumns(missing: string[], headers: string[]): TaskError {
  const errors = missing.slice(0, MAX_LISTED).map((name): FieldError => {
    const detail = `is not a column of the file; the nearest of its ${headers.length} columns are ${listNearest(name, headers)}`;
    return { field: `columns.${name.slice(0, 100)}`, value: name.slice(0, 100), detail };
  });
  return invalidRequest(errors, { column: missing[0] });
}
