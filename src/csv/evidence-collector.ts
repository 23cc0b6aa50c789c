import type { ColumnEvidence, ColumnType, EvidenceStep } from './evidence.js';
import { typeOfValue } from './kernel.js';
import { excerptOf } from './malformed.js';
import type { RecordView } from './record.js';
import { joinTypes, NONE, TYPES, type TypeCode } from './value-type.js';

const SAMPLE = 80;

/** Gathers the type evidence of all columns, record by record. */
export class EvidenceCollector {
  /** The type code of each column so far; the scanner's quick path reads it. */
  readonly types: Uint8Array;
  /** NULLs of each column so far; the quick path counts into it. */
  readonly nulls: Float64Array;
  readonly #steps: EvidenceStep[][];

  constructor(columns: number) {
    this.types = new Uint8Array(columns);
    this.nulls = new Float64Array(columns);
    this.#steps = Array.from({ length: columns }, () => []);
  }

  /** Takes a well-formed record. Returns whether it has changed the type of a column. */
  add(bytes: Buffer, view: RecordView, row: number): boolean {
    let hasChanged = false;
    for (let c = 0; c < this.types.length; c++) {
      const start = view.starts[c];
      const end = view.ends[c];
      if (start === end && !view.quoted[c]) {
        this.nulls[c]++;
        continue;
      }
      const before = this.types[c] as TypeCode;
      const after = joinTypes(before, typeOfValue(bytes, start, end));
      if (after === before) continue;
      this.types[c] = after;
      const value = excerptOf(bytes, start, end, SAMPLE);
      const step = {
        type: TYPES[after] as ColumnType,
        row,
        value: view.quoted[c] ? value.replaceAll('""', '"') : value,
      };
      this.#steps[c].push(step);
      hasChanged = true;
    }
    return hasChanged;
  }

  /** The evidence of `records` well-formed records. */
  evidence(records: number): ColumnEvidence[] {
    return this.#steps.map((steps, c) => {
      const nulls = this.nulls[c];
      return { values: this.types[c] === NONE ? 0 : records - nulls, nulls, steps: steps.map((step) => ({ ...step })) };
    });
  }
}
