import { GROWTH, MAX_RECORD_BYTES } from '../contract/limits.js';
import type { RecordEncoder } from '../csv/record-encoder.js';
import type { RowSet } from '../csv/row-set.js';
import type { PartReader } from './part-reader.js';
import { type CheckedBatch, MAX_REFUSED, type RowChecker } from './refused-rows.js';

/** Read with a batch, for the end of its last record. */
export const READ_AHEAD = 1 << 16;

/** Where a batch begins: a byte of the file, and the number of the record there. */
export interface Place {
  byteOffset: number;
  row: number;
}

/** A batch that is ready to be sent. */
export interface EncodedBatch extends CheckedBatch {
  /** Its rows in COPY's text format, in the buffer of the encoder. */
  lines: Buffer;
}

interface Encoding {
  reader: PartReader;
  encoder: RecordEncoder;
  checker: RowChecker;
  /** Rows that are rejects already. */
  skip: RowSet;
  out: Buffer;
}

/** Encodes the records of a part, batch by batch, and takes those out that cannot be loaded. */
export class BatchEncoder {
  readonly #encoding: Encoding;
  #out: Buffer;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    this.#out = encoding.out;
  }

  /** Reads and encodes about `most` bytes, at least one record. The buffers grow only for a record that is longer than they are. */
  async next({ byteOffset, row }: Place, most: number): Promise<EncodedBatch> {
    const { reader, encoder, checker, skip } = this.#encoding;
    let reach = most + READ_AHEAD;
    for (;;) {
      const { bytes, final } = await reader.read(byteOffset, reach);
      const limits = { maxInput: most, maxRefused: MAX_REFUSED };
      const encoded = encoder.encode(bytes, { from: 0, out: this.#out, firstRow: row, final, skip, ...limits });
      if (encoded.consumed > 0) {
        const batch = checker.check({ ...encoded, bytes, byteOffset, firstRow: row }, this.#out);
        return { ...batch, lines: this.#out.subarray(0, batch.written) };
      }
      if (encoded.needed !== undefined) this.#out = Buffer.allocUnsafeSlow(encoded.needed);
      else reach = Math.min(reach * GROWTH, MAX_RECORD_BYTES + most + READ_AHEAD);
    }
  }
}
