import type { ColumnEvidence, ColumnType, EvidenceStep } from './evidence.js';
import type { RunningEvidence } from './fast-path.js';
import { excerptOf } from './malformed.js';
import type { RecordView } from './record.js';
import { NONE, NUMERIC, SMALL, TEXT } from './type-codes.js';
import { typeOfValue } from './type-of-value.js';
import { type FormHints, type FormName, formsOfValue } from './value-form.js';
import { joinTypes, TYPES, type TypeCode } from './value-type.js';

const SAMPLE = 80;
/** In bytes: a longer JSON document is text. */
const LONGEST_FORMED = 1 << 16;

/** Gathers the type evidence of all columns, record by record. */
export class EvidenceCollector implements RunningEvidence {
  readonly types: Uint8Array;
  readonly nulls: Float64Array;
  readonly #codes: Uint8Array;
  /** The forms that all values so far have; undefined before the first value. */
  readonly #forms: (readonly FormName[] | undefined)[];
  readonly #steps: EvidenceStep[][];
  readonly #hints: FormHints;

  constructor(columns: number, hints: FormHints = {}) {
    this.types = new Uint8Array(columns);
    this.nulls = new Float64Array(columns);
    this.#codes = new Uint8Array(columns);
    this.#forms = Array.from({ length: columns }, () => undefined);
    this.#steps = Array.from({ length: columns }, () => []);
    this.#hints = hints;
  }

  /** Whether the fast path may run: no column has a form that only this collector recognises. */
  get isFast(): boolean {
    return !this.#forms.some((forms, c) => forms !== undefined && forms.length > 0 && this.#needsText(c, forms));
  }

  #needsText(column: number, forms: readonly FormName[]): boolean {
    const code = this.#codes[column]!;
    return code > NUMERIC || (code === NUMERIC && forms.includes('1.234,5'));
  }

  /** Adds a well-formed record. Returns whether it has changed what is known of a column. */
  add(bytes: Buffer, view: RecordView, row: number): boolean {
    let hasChanged = false;
    for (let c = 0; c < this.types.length; c++) {
      if (view.isNull(c)) this.nulls[c]++;
      else if (!this.#isText(c) && this.#addValue(bytes, view, c, row)) hasChanged = true;
    }
    return hasChanged;
  }

  #isText(column: number): boolean {
    return this.#codes[column] === TEXT && this.#forms[column]!.length === 0;
  }

  #addValue(bytes: Buffer, view: RecordView, column: number, row: number): boolean {
    const { bytes: content, start, end } = view.field(bytes, column);
    const found = typeOfValue(content, start, end);
    const hasLearned = this.#addForms(content, start, end, column, found);
    // A point is no decimal sign where the caller says that a comma is.
    const code = found === NUMERIC && this.#hints.decimalComma ? TEXT : found;
    const before = this.#codes[column] as TypeCode;
    const after = joinTypes(before, code);
    if (after !== before) {
      this.#codes[column] = after;
      const value = excerptOf(content, start, end, SAMPLE);
      this.#steps[column].push({ type: TYPES[after] as ColumnType, row, value });
    }
    if (after === before && !hasLearned) return false;
    const isSmall = after <= NUMERIC && this.#forms[column]!.some((form) => form !== '1,5');
    this.types[column] = isSmall ? after | SMALL : after;
    return true;
  }

  /** Returns whether a form of the column was ruled out, or the first ones found. */
  #addForms(content: Buffer, start: number, end: number, column: number, code: TypeCode): boolean {
    const before = this.#forms[column];
    if (before?.length === 0) return false;
    const found = end - start > LONGEST_FORMED ? [] : formsOfValue(content.toString('utf8', start, end), code);
    const after = before === undefined || before === found ? found : before.filter((form) => found.includes(form));
    this.#forms[column] = after;
    return after.length !== before?.length;
  }

  /** The evidence of `records` well-formed records. */
  evidence(records: number): ColumnEvidence[] {
    return this.#steps.map((steps, c) => {
      const nulls = this.nulls[c];
      const values = this.#codes[c] === NONE ? 0 : records - nulls;
      const forms = this.#forms[c];
      return { values, nulls, steps: steps.map((step) => ({ ...step })), ...(forms && { forms: [...forms] }) };
    });
  }
}
