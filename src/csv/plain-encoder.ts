import { copyOutput, KernelInput, kernel, OUTPUT, OUTPUT_BYTES } from './kernel.js';
import type { Grammar } from './record.js';
import type { RowSet } from './row-set.js';

/** More than the input holds. */
const MOST_ROWS = 0x7fffffff;

/** An encoding under way. */
export interface Batch {
  /** Next byte of input, and where to stop: at the first record end that reaches it. */
  at: number;
  stop: number;
  out: Buffer;
  written: number;
  /** Number of the next record. */
  row: number;
  skip: RowSet;
  loaded: number;
  /** The next record does not fit into what is left of `out`, or as many were refused as may be. */
  full: boolean;
  maxRefused: number;
}

/**
 * The encoder's quick path: encodes records that are well formed, and stops before the first one that is not, is to be
 * skipped, or does not fit.
 */
export class PlainEncoder {
  readonly #input = new KernelInput();

  constructor(
    private readonly grammar: Grammar,
    private readonly columns: number,
  ) {}

  /**
   * The runs that follow, until `end`, are over these bytes.
   * @param limit index of the last eol byte
   */
  begin(bytes: Buffer, limit: number): void {
    this.#input.begin(bytes, limit, this.grammar.eol);
  }

  run(batch: Batch): void {
    const { delimiter, eol } = this.grammar;
    const input = this.#input;
    const nextSkipped = batch.skip.from(batch.row);
    while (batch.at < batch.stop && batch.row < nextSkipped && input.reach(batch.at)) {
      const first = input.addressOf(batch.at);
      const end = input.addressOf(input.stretchEnd);
      const stop = input.addressOf(batch.stop);
      const outEnd = OUTPUT + Math.min(OUTPUT_BYTES, batch.out.length - batch.written);
      const most = Math.min(nextSkipped - batch.row, MOST_ROWS);
      const next = kernel.encode(first, end, stop, OUTPUT, outEnd, this.columns, delimiter, eol, batch.row, most);
      const rows = kernel.encodedRows.value;
      const written = kernel.written.value - OUTPUT;
      copyOutput(batch.out, batch.written, written);
      batch.at = input.indexOf(next);
      batch.written += written;
      batch.row += rows;
      batch.loaded += rows;
      const hasMore = batch.at < input.stretchEnd && batch.at < batch.stop && rows < most;
      // Where not even one record fits, the room that it takes has to be told.
      const isEmptied = kernel.isFull.value !== 0 && written > 0;
      const goesOn = !hasMore || isEmptied || (kernel.isCut.value !== 0 && input.advance(batch.at));
      if (!goesOn) return;
    }
  }

  end(): void {
    this.#input.end();
  }
}
