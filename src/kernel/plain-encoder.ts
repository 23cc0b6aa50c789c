import type { Encoding, FastEncoder } from '../csv/fast-path.js';
import type { Grammar } from '../csv/record.js';
import { KernelInput } from './input.js';
import { copyOutput, kernel, OUTPUT, OUTPUT_BYTES } from './instance.js';

/** More than the input holds. */
const MAX_ROWS = 0x7fffffff;

/** The encoder's fast path. */
export class PlainEncoder implements FastEncoder {
  readonly #input = new KernelInput();

  constructor(
    private readonly grammar: Grammar,
    private readonly columns: number,
  ) {}

  begin(bytes: Buffer, limit: number): void {
    this.#input.begin(bytes, limit, this.grammar.eol);
  }

  run(encoding: Encoding): void {
    const { delimiter, eol } = this.grammar;
    const input = this.#input;
    const nextSkipped = encoding.skip.from(encoding.row);
    while (encoding.at < encoding.stop && encoding.row < nextSkipped && input.reach(encoding.at)) {
      const first = input.addressOf(encoding.at);
      const end = input.addressOf(input.stretchEnd);
      const stop = input.addressOf(encoding.stop);
      const outEnd = OUTPUT + Math.min(OUTPUT_BYTES, encoding.out.length - encoding.written);
      const most = Math.min(nextSkipped - encoding.row, MAX_ROWS);
      const next = kernel.encode(first, end, stop, OUTPUT, outEnd, this.columns, delimiter, eol, encoding.row, most);
      const rows = kernel.encodedRows.value;
      const written = kernel.written.value - OUTPUT;
      copyOutput(encoding.out, encoding.written, written);
      encoding.at = input.indexOf(next);
      encoding.written += written;
      encoding.row += rows;
      encoding.loaded += rows;
      const hasMore = encoding.at < input.stretchEnd && encoding.at < encoding.stop && rows < most;
      // Where not even one record fits, the caller must learn the room that it needs.
      const isEmptied = kernel.isFull.value !== 0 && written > 0;
      const goesOn = !hasMore || isEmptied || (kernel.isCut.value !== 0 && input.advance(encoding.at));
      if (!goesOn) return;
    }
  }

  end(): void {
    this.#input.end();
  }
}
