import type { ColumnEvidence, ColumnType, EvidenceStep } from './evidence.js';
import type { RunningEvidence } from './fast-path.js';
import { type FormMatcher, matcherOf } from './form-matcher.js';
import { excerptOf } from './malformed.js';
import type { RecordView } from './record.js';
import { NONE, NUMERIC, SMALL, TEXT, WATCHED } from './type-codes.js';
import { typeOfValue } from './type-of-value.js';
import { type FormHints, type FormName, formsOfValue } from './value-form.js';
import { joinTypes, TYPES, type TypeCode } from './value-type.js';

const SAMPLE = 80;
/** In bytes: a longer JSON document is text. */
const LONGEST_FORMED = 1 << 16;
const MAX_SEEN = 1000;
const LONGEST_SEEN = 40;

/** Gathers the type evidence of all columns, record by record. */
export class EvidenceCollector implements RunningEvidence {
  readonly types: Uint8Array;
  readonly nulls: Float64Array;
  readonly #codes: Uint8Array;
  /** The forms that all values so far have; undefined before the first value. */
  readonly #forms: (readonly FormName[] | undefined)[];
  readonly #matchers: FormMatcher[][];
  /** Values that have all forms of their column: words and days come often. */
  readonly #seen: Set<string>[];
  readonly #steps: EvidenceStep[][];
  readonly #hints: FormHints;

  constructor(columns: number, hints: FormHints = {}) {
    this.types = new Uint8Array(columns);
    this.nulls = new Float64Array(columns);
    this.#codes = new Uint8Array(columns);
    this.#forms = Array.from({ length: columns }, () => undefined);
    this.#matchers = Array.from({ length: columns }, () => []);
    this.#seen = Array.from({ length: columns }, () => new Set());
    this.#steps = Array.from({ length: columns }, () => []);
    this.#hints = hints;
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
    this.#flag(column);
    return true;
  }

  watch(bytes: Buffer, start: number, end: number, column: number, isQuoted: boolean): boolean {
    if (this.#hasForms(column, bytes, start, end)) return false;
    const code = this.#codes[column] as TypeCode;
    const text = bytes.toString('utf8', start, Math.min(end, start + LONGEST_FORMED + 1));
    if (!this.#narrow(column, isQuoted ? text.replaceAll('""', '"') : text, code)) return false;
    this.#flag(column);
    return true;
  }

  /** Tells the fast path what it has to know of a column. */
  #flag(column: number): void {
    const code = this.#codes[column]!;
    const forms = this.#forms[column]!;
    const isSmall = code <= NUMERIC && forms.some((form) => form !== '1,5');
    const isWatched = forms.some((form) => code > NUMERIC || (code === NUMERIC && form.endsWith(',5')));
    this.types[column] = code | (isSmall ? SMALL : 0) | (isWatched ? WATCHED : 0);
  }

  /** Returns whether a form of the column was ruled out, or the first ones found. */
  #addForms(content: Buffer, start: number, end: number, column: number, code: TypeCode): boolean {
    const before = this.#forms[column];
    if (before?.length === 0 || (before && this.#hasForms(column, content, start, end))) return false;
    const text = content.toString('utf8', start, Math.min(end, start + LONGEST_FORMED + 1));
    if (before !== undefined) return this.#narrow(column, text, code);
    this.#setForms(column, text.length > LONGEST_FORMED ? [] : formsOfValue(text, code));
    return true;
  }

  #setForms(column: number, forms: readonly FormName[]): void {
    this.#forms[column] = forms;
    this.#matchers[column] = forms.map(matcherOf);
  }

  /** Whether the value certainly has all forms of its column. */
  #hasForms(column: number, bytes: Uint8Array, start: number, end: number): boolean {
    const matchers = this.#matchers[column]!;
    for (let k = 0; k < matchers.length; k++) if (!matchers[k]!(bytes, start, end)) return false;
    return matchers.length > 0;
  }

  /** Keeps the forms that the value has too. Returns whether one was ruled out. */
  #narrow(column: number, text: string, code: TypeCode): boolean {
    const before = this.#forms[column]!;
    const cached = this.#seen[column]!;
    if (before.length === 0 || cached.has(text)) return false;
    const found = text.length > LONGEST_FORMED ? [] : formsOfValue(text, code);
    const after = before.filter((form) => found.includes(form));
    if (after.length < before.length) {
      this.#setForms(column, after);
      cached.clear();
      return true;
    }
    if (cached.size >= MAX_SEEN) cached.clear();
    if (text.length <= LONGEST_SEEN) cached.add(text);
    return false;
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
