import type { UploadOptions } from '../contract/task.js';
import type { FormHints } from '../csv/value-form.js';

/** What a request says of its file. */
export type FileOptions = Pick<UploadOptions, 'dialect' | 'columns' | 'date_order' | 'decimal_comma'>;

/** What the request says of the values of all columns. */
export function hintsOf({ date_order, decimal_comma }: FileOptions): FormHints {
  return { dateOrder: date_order, decimalComma: decimal_comma };
}
