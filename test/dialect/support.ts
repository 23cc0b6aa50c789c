import type { Wording } from '../../src/dialect/grammar.js';
import { type ReaderOptions, RecordReader, type RejectReason } from '../../src/dialect/record-reader.js';
import type { RepairRule } from '../../src/dialect/repair.js';

export const RFC: Wording = { delimiter: ',', quote: '"', escape: '"', newline: '\n', skip_space: false };

export interface ReadRow {
  row: number;
  cells: (string | null)[] | null;
  repairs: readonly RepairRule[];
  reason: RejectReason | null;
  raw: string;
}

/** Reads a text in chunks, as a caller does that keeps the bytes of a record until it is whole. */
export function readRows(text: string, options: Partial<ReaderOptions>, size = Number.POSITIVE_INFINITY): ReadRow[] {
  const bytes = Buffer.from(text);
  const columns = options.columns ?? 2;
  const reader = new RecordReader({ wording: RFC, malformed: 'quarantine', firstRow: 1, ...options, columns });
  const rows: ReadRow[] = [];
  let from = 0;
  for (let to = 0; to < bytes.length; ) {
    to = Math.min(bytes.length, to + size);
    const window = bytes.subarray(from, to);
    let at = 0;
    const final = to === bytes.length;
    for (let one = reader.read(window, at, final); one; one = reader.read(window, at, final)) {
      const { fields } = reader;
      const raw = window.toString('utf8', one.offset, one.offset + one.length);
      rows.push({
        ...{ row: one.row, repairs: one.repairs, raw },
        ...{
          cells: one.reject
            ? null
            : Array.from({ length: columns }, (_, k) => (fields.isNull(k) ? null : fields.text(k))),
          reason: one.reject?.reason ?? null,
        },
      });
      at = one.next;
    }
    from += at;
  }
  return rows;
}

export function cellsOf(text: string, options: Partial<ReaderOptions>): unknown[] {
  return readRows(text, options).map(({ cells, reason }) => cells ?? reason);
}
