import type { UploadOptions } from '../contract/task.js';
import type { FormHints } from '../csv/value-form.js';

/** What a request says of its file. */
export type FileOptions = Pick<
  UploadOptions,
  'dialect' | 'malformed' | 'null_values' | 'columns' | 'date_order' | 'decimal_comma'
>;

/** Returns what a request says of its file, of all that it says. */
export function fileOptionsOf({
  dialect,
  malformed,
  null_values,
  columns,
  date_order,
  decimal_comma,
}: FileOptions): FileOptions {
  return { dialect, malformed, null_values, columns, date_order, decimal_comma };
}

/** What the request says of the values of all columns. */
export function hintsOf({ date_order, decimal_comma }: FileOptions): FormHints {
  return { dateOrder: date_order, decimalComma: decimal_comma };
}
