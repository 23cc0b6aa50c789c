import { sourceTruncated } from '../intake/scan-part.js';
import type { StoreFile } from '../storage/store.js';
import type { UploadPart } from '../tasks/checkpoints.js';

/** Reads the bytes of a part, through one buffer that grows only for a record which is longer than it is. */
export class PartReader {
  readonly #file: StoreFile;
  readonly #part: UploadPart;
  #buffer: Buffer;

  constructor(file: StoreFile, part: UploadPart, buffer: Buffer) {
    this.#file = file;
    this.#part = part;
    this.#buffer = buffer;
  }

  /**
   * Reads at most `most` bytes from `byteOffset` of the file on, over those of the read before.
   * @returns the bytes, and whether they reach to the end of the part
   * @throws {TaskError} source_changed
   */
  async read(byteOffset: number, most: number): Promise<{ bytes: Buffer; final: boolean }> {
    const left = this.#part.byteTo - byteOffset;
    const length = Math.min(left, most);
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    const bytes = this.#buffer.subarray(0, length);
    if ((await this.#file.read(bytes, byteOffset)) < length) throw sourceTruncated();
    return { bytes, final: length === left };
  }
}
