import type { GivenColumn, GivenColumns } from '../contract/requests.js';
import { findHeader } from '../csv/header.js';

/** A field of the file that becomes a column, and what the request says of it. */
export interface PlannedColumn extends Pick<GivenColumn, 'rename' | 'type' | 'form'> {
  /** Its place in the file, from 0. */
  field: number;
  nulls: string[];
}

export interface ColumnPlan {
  /** In the order of the table. */
  columns: PlannedColumn[];
  /** Names of the request that are not in the header. */
  missing: string[];
  /** Every field becomes a column, in the order of the file, with the values that it has. */
  isAsInFile: boolean;
}

/**
 * Says which fields of a file become columns. The columns of a list take each other's places, in the order of the list;
 * a column that it does not name keeps its place.
 * @param headers the names in the file
 */
export function planColumns(headers: readonly string[], given: GivenColumns = {}): ColumnPlan {
  const columns: PlannedColumn[] = headers.map((_, field) => ({ field, nulls: [] }));
  if (!Array.isArray(given)) return { columns, isAsInFile: true, missing: addTypes(columns, headers, given) };
  const found = given.map((one) => ({ ...one, field: -1 }));
  const taken = new Set<number>();
  for (const one of found) {
    one.field = findHeader(headers, one.name, taken) ?? -1;
    if (one.field >= 0) taken.add(one.field);
  }
  const missing = found.filter(({ field }) => field < 0).map(({ name }) => name);
  const listed = found.filter(({ field }) => field >= 0);
  const places = listed.map(({ field }) => field).sort((a, b) => a - b);
  for (const [i, one] of listed.entries()) {
    const { field, rename, type, form, null_values: nulls = [] } = one;
    columns[places[i]!] = { field, nulls, rename, type, form };
  }
  const skipped = new Set(listed.filter(({ skip }) => skip).map(({ field }) => field));
  const kept = columns.filter(({ field }) => !skipped.has(field));
  const isAsInFile =
    kept.length === headers.length && kept.every(({ field, nulls }, i) => field === i && !nulls.length);
  return { columns: kept, missing, isAsInFile };
}

/** Adds the types that are given by name: of two columns with one name both get it. Returns the names not found. */
function addTypes(columns: PlannedColumn[], headers: readonly string[], given: Record<string, string>): string[] {
  return Object.entries(given).flatMap(([name, type]) => {
    const exact = columns.filter(({ field }) => headers[field] === name);
    const place = findHeader(headers, name);
    const named = exact.length > 0 || place === undefined ? exact : [columns[place]!];
    for (const column of named) column.type = type as GivenColumn['type'];
    return named.length > 0 ? [] : [name];
  });
}
