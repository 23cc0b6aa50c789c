import { TaskError } from '../contract/errors.js';
import type { CsvEngine } from '../csv/engine.js';
import { type FileOptions, hintsOf } from './file-options.js';
import { partEnd } from './find-parts.js';
import { type PlainText, readHead } from './read-head.js';
import { PartScan, type ScannedPart } from './scan-part.js';

/** Parts are kept until the file is whole, each with the evidence for its columns (some 200 bytes): a few megabytes. */
const MAX_EVIDENCE = 1 << 16;

/**
 * Finds the parts of a file while it arrives, the same that `findParts` finds in it. A malformed row and a
 * file that cannot be read are left to the inspect activity: then there are only the parts before them.
 */
export class StreamedFile {
  /** Each begins where the one before ended, the first where the data begins. */
  readonly parts: ScannedPart[] = [];
  readonly #csv: CsvEngine;
  readonly #options: FileOptions;
  readonly #maxEvidence: number;
  #text: (PlainText & { columns: number }) | undefined;
  #scan: PartScan | undefined;

  constructor(csv: CsvEngine, options: FileOptions, maxEvidence = MAX_EVIDENCE) {
    this.#csv = csv;
    this.#options = options;
    this.#maxEvidence = maxEvidence;
  }

  /**
   * Accepts what has arrived: the first time the file's first `HEAD_BYTES`, or all of it.
   * @param bytes the rest of those before, and what follows them
   * @param final they reach to the end of the file
   * @returns the number of bytes accepted; null when no further part can be found
   */
  take(bytes: Buffer, final: boolean): number | null {
    try {
      return this.#takeParts(bytes, final);
    } catch (error) {
      if (error instanceof TaskError) return null;
      throw error;
    }
  }

  #takeParts(bytes: Buffer, final: boolean): number | null {
    let at = 0;
    if (!this.#text) {
      const { plain, packing, headers, question } = readHead(bytes, final, this.#options);
      // Inspect converts it, or asks.
      if (!plain || packing || question !== null) return null;
      this.#text = { ...plain, columns: headers.length };
      at = plain.dataOffset;
      this.#begin(at, 1);
    }
    for (;;) {
      const scan = this.#scan!;
      at += scan.take(bytes.subarray(at), final);
      if (scan.malformedCount > 0) return null;
      if (!scan.stopped && !(final && scan.position > scan.byteFrom)) return at;
      this.parts.push(scan.part());
      if (this.parts.length * this.#text.columns >= this.#maxEvidence) return null;
      this.#begin(scan.position, scan.nextRow);
    }
  }

  #begin(from: number, firstRow: number): void {
    const { dialect, columns, dataOffset } = this.#text!;
    const hints = hintsOf(this.#options);
    const stopAt = partEnd(dataOffset, from);
    this.#scan = new PartScan({ dialect, hints, columns, from, firstRow, stopAt }, this.#csv);
  }
}
