import { type ColumnEvidence, describeEvidence, type FoundType, findType } from '../csv/evidence.js';
import { columnNames } from '../csv/header.js';
import { type FormHints, type FormName, orderOf, typeOfForm } from '../csv/value-form.js';
import type { Column } from '../tasks/tasks.js';
import { type FileOptions, hintsOf } from './file-options.js';
import type { PlannedColumn } from './plan-columns.js';

/** The evidence of a column whose type the request gives. */
export const GIVEN = 'given by the caller';

/**
 * Gives each column of a table its name and its type: the one that the request names, or the one that was found.
 * @param headers the names in the file
 * @param columns in the order of the table, as is the evidence
 */
export function chooseColumns(
  headers: readonly string[],
  columns: readonly PlannedColumn[],
  evidence: readonly ColumnEvidence[],
  options: FileOptions,
): Column[] {
  const names = columnNames(columns.map(({ field, rename }) => rename ?? headers[field]!));
  return columns.map((planned, i) => {
    const hints = hintsFor(planned.form, options);
    const found = findType(evidence[i]!, hints);
    const asked = planned.type;
    const form = asked === undefined || isAsked(asked, found, hints) ? found.form : undefined;
    return {
      original: headers[planned.field]!,
      name: names[i]!,
      type: asked ?? found.type,
      ...(form !== undefined && { form }),
      evidence: asked ? GIVEN : describeEvidence(evidence[i]!, hints),
    };
  });
}

/** Whether the form that was found is one that the given type reads, so that an export can write it again. */
function isAsked(type: string, { form }: FoundType, { dateOrder, decimalComma }: FormHints): boolean {
  if (form === undefined || typeOfForm(form) !== type) return false;
  return type === 'numeric' ? decimalComma === true : dateOrder !== undefined || !/^(?:FM)?(?:DD|MM)/.test(form);
}

/**
 * Returns what is said of the values of a column: by the request for all columns, and by the form that it has.
 * @param form of the request, or the one that is stored
 */
export function hintsFor(form: string | undefined, options: FileOptions): FormHints {
  const hints = hintsOf(options);
  if (form === undefined) return hints;
  const { dateOrder, decimalComma } = hints;
  const isDay = /^(?:FM)?(?:DD|MM)/.test(form);
  const hasComma = /,5$/.test(form);
  return {
    dateOrder: dateOrder ?? (isDay ? orderOf(form as FormName) : undefined),
    decimalComma: decimalComma ?? (hasComma ? true : undefined),
  };
}
