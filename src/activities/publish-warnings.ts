import { MAX_NAME_BYTES } from '../contract/limits.js';
import type { GivenColumns } from '../contract/requests.js';
import { quoteIdent } from '../postgres/copy.js';
import { longestName } from '../tables/table-names.js';
import type { Column } from '../tasks/tasks.js';

/** How many renamed columns are listed by number. */
const LISTED = 20;

/**
 * Lists the names of a published table that differ from the requested ones, one sentence each.
 * @param wished the table name of the request, or the task's
 * @param table the qualified, quoted name that the table got
 * @param renames names that the request gives to columns
 */
export function publishWarnings(
  wished: string,
  table: string,
  columns: Column[],
  renames: ReadonlySet<string> = new Set(),
): string[] {
  const renamed = columns.flatMap(({ original, name }, i) => (original === name || renames.has(name) ? [] : [i + 1]));
  return [
    ...(table.endsWith(`.${quoteIdent(wished)}`) ? [] : [tableWarning(wished, table)]),
    ...(renamed.length === 0 ? [] : [columnsWarning(renamed)]),
  ];
}

/** Returns the names that a request gives to columns. */
export function renamesOf(columns: GivenColumns | undefined): Set<string> {
  const list = Array.isArray(columns) ? columns : [];
  return new Set(list.flatMap(({ rename }) => (rename === undefined ? [] : [rename])));
}

function tableWarning(wished: string, table: string): string {
  const why =
    longestName(wished) === wished
      ? 'was in use when the load ended'
      : `is longer than the ${MAX_NAME_BYTES} bytes of a table name`;
  return `The name ${JSON.stringify(wished)} ${why}, so the table is ${table}.`;
}

function columnsWarning(numbers: number[]): string {
  const more = numbers.length > LISTED ? ` and ${numbers.length - LISTED} more` : '';
  const list = `${numbers.slice(0, LISTED).join(', ')}${more}`;
  const which =
    numbers.length === 1
      ? `Column ${list} of the file has another name`
      : `Columns ${list} of the file have other names`;
  const rule = `a column name must be unique, not empty, not reserved and at most ${MAX_NAME_BYTES} bytes long`;
  return `${which} in the table, since ${rule}. The receipt has both names.`;
}
