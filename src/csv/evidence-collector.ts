import type { ColumnEvidence, ColumnType, EvidenceStep } from './evidence.js';
import type { RunningEvidence } from './fast-path.js';
import { excerptOf } from './malformed.js';
import type { RecordView } from './record.js';
import { NONE, TEXT } from './type-codes.js';
import { typeOfValue } from './type-of-value.js';
import { joinTypes, TYPES, type TypeCode } from './value-type.js';

const SAMPLE = 80;

/** Gathers the type evidence of all columns, record by record. */
export class EvidenceCollector implements RunningEvidence {
  readonly types: Uint8Array;
  readonly nulls: Float64Array;
  readonly #steps: EvidenceStep[][];

  constructor(columns: number) {
    this.types = new Uint8Array(columns);
    this.nulls = new Float64Array(columns);
    this.#steps = Array.from({ length: columns }, () => []);
  }

  /** Adds a well-formed record. Returns whether it has changed the type of a column. */
  add(bytes: Buffer, view: RecordView, row: number): boolean {
    let hasChanged = false;
    for (let c = 0; c < this.types.length; c++) {
      if (view.isNull(c)) this.nulls[c]++;
      else if (this.types[c] !== TEXT && this.#addValue(bytes, view, c, row)) hasChanged = true;
    }
    return hasChanged;
  }

  #addValue(bytes: Buffer, view: RecordView, column: number, row: number): boolean {
    const { bytes: content, start, end } = view.field(bytes, column);
    const before = this.types[column] as TypeCode;
    const after = joinTypes(before, typeOfValue(content, start, end));
    if (after === before) return false;
    this.types[column] = after;
    this.#steps[column].push({ type: TYPES[after] as ColumnType, row, value: excerptOf(content, start, end, SAMPLE) });
    return true;
  }

  /** The evidence of `records` well-formed records. */
  evidence(records: number): ColumnEvidence[] {
    return this.#steps.map((steps, c) => {
      const nulls = this.nulls[c];
      return { values: this.types[c] === NONE ? 0 : records - nulls, nulls, steps: steps.map((step) => ({ ...step })) };
    });
  }
}
