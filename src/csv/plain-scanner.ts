import type { EvidenceCollector } from './evidence-collector.js';
import { KernelInput, kernel, kernelNulls, kernelTypes } from './kernel.js';
import type { Grammar } from './record.js';

/**
 * The scanner's quick path: runs over records that are well formed and confirm what their columns are known to be, and
 * stops before the first one that is not, which `readRecord` then reads. It allocates nothing and changes no evidence
 * but the count of NULLs.
 */
export class PlainScanner {
  /** Results of the last run. */
  rows = 0;
  blankLines = 0;
  stopped = false;
  readonly #input = new KernelInput();

  constructor(
    private readonly grammar: Grammar,
    private readonly collector: EvidenceCollector,
    private readonly maxRecordBytes: number,
  ) {}

  /**
   * The runs that follow, until `end`, are over these bytes.
   * @param limit index of the last eol byte
   */
  begin(bytes: Buffer, limit: number): void {
    this.#input.begin(bytes, limit, this.grammar.eol);
    this.learnTypes();
    kernelNulls.fill(0, 0, this.collector.types.length);
  }

  /** To be called when the types of the columns have changed. */
  learnTypes(): void {
    kernelTypes.set(this.collector.types);
  }

  /**
   * @param stop index: stop at the first record end that reaches it
   * @returns the start of the first record not taken
   */
  run(from: number, stop: number): number {
    const columns = this.collector.types.length;
    const { delimiter, eol } = this.grammar;
    const input = this.#input;
    this.rows = this.blankLines = 0;
    this.stopped = false;
    let at = from;
    while (!this.stopped && input.reach(at)) {
      const first = input.addressOf(at);
      const end = input.addressOf(input.stretchEnd);
      const stopAddress = input.addressOf(stop);
      at = input.indexOf(kernel.scan(first, end, stopAddress, columns, delimiter, eol, this.maxRecordBytes));
      this.rows += kernel.scannedRows.value;
      this.blankLines += kernel.blankLines.value;
      this.stopped = kernel.isStopped.value !== 0;
      const hasMore = at < input.stretchEnd;
      if (hasMore && !(kernel.isCut.value && input.advance(at))) break;
    }
    return at;
  }

  /** Adds up what the runs have found. */
  end(): void {
    const { nulls } = this.collector;
    for (let c = 0; c < nulls.length; c++) nulls[c] += kernelNulls[c];
    this.#input.end();
  }
}
