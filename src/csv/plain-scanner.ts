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
   * The runs that follow are over these bytes. Nobody else may use the kernel in between.
   * @param limit index of the last eol byte
   */
  begin(bytes: Buffer, limit: number): void {
    this.#input.begin(bytes, limit, this.grammar.eol);
  }

  /**
   * @param stop index: stop at the first record end that reaches it
   * @returns the start of the first record not taken
   */
  run(from: number, stop: number): number {
    const { types, nulls } = this.collector;
    const { delimiter, eol } = this.grammar;
    const input = this.#input;
    const columns = types.length;
    this.rows = this.blankLines = 0;
    this.stopped = false;
    kernelTypes.set(types);
    kernelNulls.fill(0, 0, columns);
    let at = from;
    while (input.reach(at)) {
      const first = input.addressOf(at);
      const end = input.addressOf(input.end);
      const last = input.addressOf(stop);
      at = input.indexOf(kernel.scan(first, end, last, columns, delimiter, eol, this.maxRecordBytes));
      this.rows += kernel.scannedRows.value;
      this.blankLines += kernel.blankLines.value;
      this.stopped = kernel.isStopped.value !== 0;
      if (this.stopped) break;
      const isOdd = at < input.end;
      if (isOdd && !(kernel.isScanCut.value && input.advance(at))) break;
    }
    for (let c = 0; c < columns; c++) nulls[c] += kernelNulls[c];
    return at;
  }
}
