import { TaskError } from '../contract/errors.js';
import type { CsvEngine } from '../csv/engine.js';
import type { FormHints } from '../csv/value-form.js';
import { type FileOptions, hintsOf } from './file-options.js';
import { partEnd } from './find-parts.js';
import { type PlainText, readHead } from './read-head.js';
import { PartScan, type ScannedPart } from './scan-part.js';

/** Parts are kept until the file is whole, each with the evidence for its columns (some 200 bytes): a few megabytes. */
const MAX_EVIDENCE = 1 << 16;

/** What arrives: an uploaded file, whose head says how it is read, or a text of which that is known. */
export type Arriving = { options: FileOptions } | { text: ArrivingText };

export interface ArrivingText extends PlainText {
  columns: number;
  /** What the caller says of the values. */
  hints: FormHints;
}

/**
 * Finds the parts of a file while it arrives, the same that `findParts` finds in it. A file that cannot be read is left
 * to the inspect activity, and so is a malformed row of an uploaded file: then there are only the parts before it.
 */
export class StreamedFile {
  /** Each begins where the one before ended, the first where the data begins. */
  readonly parts: ScannedPart[] = [];
  readonly #csv: CsvEngine;
  readonly #arriving: Arriving;
  readonly #maxEvidence: number;
  #text: ArrivingText | undefined;
  #scan: PartScan | undefined;

  constructor(csv: CsvEngine, arriving: Arriving, maxEvidence = MAX_EVIDENCE) {
    this.#csv = csv;
    this.#arriving = arriving;
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
      const text = 'text' in this.#arriving ? this.#arriving.text : textOf(bytes, final, this.#arriving.options);
      if (!text) return null;
      this.#text = text;
      at = text.dataOffset;
      this.#begin(at, 1);
    }
    for (;;) {
      const scan = this.#scan!;
      at += scan.take(bytes.subarray(at), final);
      if (scan.malformedCount > 0 && 'options' in this.#arriving) return null;
      if (!scan.stopped && !(final && scan.position > scan.byteFrom)) return at;
      this.parts.push(scan.part());
      if (this.parts.length * this.#text.columns >= this.#maxEvidence) return null;
      this.#begin(scan.position, scan.nextRow);
    }
  }

  #begin(from: number, firstRow: number): void {
    const { dialect, columns, dataOffset, hints } = this.#text!;
    const stopAt = partEnd(dataOffset, from);
    this.#scan = new PartScan({ dialect, hints, columns, from, firstRow, stopAt }, this.#csv);
  }
}

/** Returns null for a file that inspect converts, or asks about. */
function textOf(head: Buffer, isWhole: boolean, options: FileOptions): ArrivingText | null {
  const { plain, packing, headers, question } = readHead(head, isWhole, options);
  if (!plain || packing || question !== null) return null;
  return { ...plain, columns: headers.length, hints: hintsOf(options) };
}
