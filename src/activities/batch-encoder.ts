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
  /** Its rows in COPY's text format, in a buffer that is used again for the batch after the next. */
  lines: Buffer;
}

interface Encoding {
  reader: PartReader;
  encoder: RecordEncoder;
  checker: RowChecker;
  /** Rows that are rejects already. */
  skip: RowSet;
  /** Two buffers: one batch is encoded while the previous one is sent. */
  outs: Buffer[];
}

interface Ahead {
  place: Place;
  most: number;
  batch: Promise<EncodedBatch>;
}

/** Encodes the records of a part batch by batch, one batch ahead, and removes records that cannot be loaded. */
export class BatchEncoder {
  readonly #encoding: Encoding;
  readonly #outs: Buffer[];
  #ahead: Ahead | undefined;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    this.#outs = [...encoding.outs];
  }

  /**
   * Reads and encodes about `most` bytes, at least one record. Returns the batch made ahead if it is the requested one.
   * The buffers grow only for a longer record.
   */
  async next(place: Place, most: number): Promise<EncodedBatch> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.place.byteOffset === place.byteOffset && ahead.most === most) return ahead.batch;
    await ahead?.batch.catch(() => {}); // It uses the buffers.
    return this.#encode(place, most);
  }

  /** Starts a batch before it is requested. The current batch can be sent meanwhile, but no longer described. */
  prepare(place: Place, most: number): void {
    this.#outs.reverse();
    const batch = this.#encode(place, most);
    batch.catch(() => {}); // Its consumer gets the error.
    this.#ahead = { place, most, batch };
  }

  /** Waits until the buffers are no longer used. */
  async end(): Promise<void> {
    await this.#ahead?.batch.catch(() => {});
  }

  async #encode({ byteOffset, row }: Place, most: number): Promise<EncodedBatch> {
    const { reader, encoder, checker, skip } = this.#encoding;
    let reach = most + READ_AHEAD;
    for (;;) {
      const { bytes, final } = await reader.read(byteOffset, reach);
      const out = this.#outs[0]!;
      const limits = { maxInput: most, maxRefused: MAX_REFUSED };
      const encoded = encoder.encode(bytes, { from: 0, out, firstRow: row, final, skip, ...limits });
      if (encoded.consumed > 0) {
        const batch = checker.check({ ...encoded, bytes, byteOffset, firstRow: row }, out);
        return { ...batch, lines: out.subarray(0, batch.written) };
      }
      if (encoded.needed !== undefined) this.#outs[0] = Buffer.allocUnsafeSlow(encoded.needed);
      else reach = Math.min(reach * GROWTH, MAX_RECORD_BYTES + most + READ_AHEAD);
    }
  }
}
