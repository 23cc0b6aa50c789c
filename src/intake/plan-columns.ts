import type { GivenColumn, GivenColumns } from '../contract/requests.js';
import { HeaderPlaces } from '../csv/header-places.js';

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
  const named = new HeaderPlaces(headers);
  if (!Array.isArray(given)) return { columns, isAsInFile: true, missing: addTypes(columns, named, given) };
  const found = given.map((one) => ({ ...one, field: named.take(one.name) ?? -1 }));
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
function addTypes(columns: PlannedColumn[], named: HeaderPlaces, given: Record<string, string>): string[] {
  return Object.entries(given).flatMap(([name, type]) => {
    const exact = named.exact(name);
    const place = exact.length > 0 ? undefined : named.find(name);
    const places = place === undefined ? exact : [place];
    for (const one of places) columns[one]!.type = type as GivenColumn['type'];
    return places.length > 0 ? [] : [name];
  });
}
