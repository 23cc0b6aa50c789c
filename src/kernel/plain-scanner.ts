import type { FastScan, FastScanner, RunningEvidence } from '../csv/fast-path.js';
import type { Grammar } from '../csv/record.js';
import { KernelInput } from './input.js';
import { kernel, kernelNulls, kernelSpans, kernelTypes, leaveRecordsWith, MEMORY } from './instance.js';

const IS_QUOTED = 1 << 31;

/** The scanner's fast path. It allocates nothing per record and changes no evidence but the count of NULLs. */
export class PlainScanner implements FastScanner {
  readonly #input = new KernelInput();

  constructor(
    private readonly grammar: Grammar,
    private readonly evidence: RunningEvidence,
    private readonly maxRecordBytes: number,
  ) {}

  begin(bytes: Buffer, limit: number): void {
    this.#input.begin(bytes, limit, this.grammar.eol);
    this.learnTypes();
    if (this.evidence.left) leaveRecordsWith(this.evidence.left);
    kernelNulls.fill(0, 0, this.evidence.types.length);
  }

  learnTypes(): void {
    kernelTypes.set(this.evidence.types);
  }

  run(from: number, stop: number): FastScan {
    const columns = this.evidence.types.length;
    const { delimiter, eol } = this.grammar;
    const input = this.#input;
    const scan = { end: from, rows: 0, stopped: false };
    while (!scan.stopped && input.reach(scan.end)) {
      const first = input.addressOf(scan.end);
      const end = input.addressOf(input.stretchEnd);
      const stopAddress = input.addressOf(stop);
      const next = kernel.scan(first, end, stopAddress, columns, delimiter, eol, this.maxRecordBytes);
      scan.end = input.indexOf(next);
      scan.rows += kernel.scannedRows.value;
      scan.stopped = kernel.isStopped.value !== 0;
      const hasMore = scan.end < input.stretchEnd;
      if (this.#watch() && hasMore) continue;
      if (hasMore && !(kernel.isCut.value && input.advance(scan.end))) break;
    }
    return scan;
  }

  /** Hands over the values of watched columns. Returns whether there were any. */
  #watch(): boolean {
    const spans = kernelSpans();
    let hasChanged = false;
    for (let i = 0; i < spans.length; i += 3) {
      const column = spans[i]! & ~IS_QUOTED;
      const isQuoted = column !== spans[i];
      if (this.evidence.watch(MEMORY, spans[i + 1]!, spans[i + 2]!, column, isQuoted)) hasChanged = true;
    }
    if (hasChanged) this.learnTypes();
    return spans.length > 0;
  }

  end(): void {
    const { nulls } = this.evidence;
    for (let c = 0; c < nulls.length; c++) nulls[c] += kernelNulls[c];
    this.#input.end();
  }
}
