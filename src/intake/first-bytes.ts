import { TYPE_BYTES } from '../csv/file-type.js';

/** The checks of a file's first bytes. Each throws the error to answer with. */
export interface HeadChecks {
  /** @throws {TaskError} empty_file, not_a_text_file, unsupported_encoding */
  assertText: (head: Uint8Array) => void;
  /** Checks all bytes received so far. Returns true once further bytes can add nothing. */
  early?: (head: Buffer) => boolean;
}

/**
 * Passes a file on after a look at its beginning.
 * @throws {TaskError} what the checks find
 */
export async function* sniffed(
  source: AsyncIterable<Uint8Array>,
  { assertText, early = () => true }: HeadChecks,
): AsyncGenerator<Uint8Array> {
  let head: Uint8Array[] | null = [];
  let bytes = 0;
  // At twice the length each time, so that a file in tiny pieces is not read over and over.
  let nextLook = 1;
  for await (const chunk of source) {
    if (!head) {
      yield chunk;
      continue;
    }
    head.push(chunk);
    bytes += chunk.length;
    if (bytes >= nextLook) nextLook = early(Buffer.concat(head)) ? Number.POSITIVE_INFINITY : bytes * 2;
    if (bytes < TYPE_BYTES) continue;
    assertText(Buffer.concat(head).subarray(0, TYPE_BYTES));
    yield* head;
    head = null;
  }
  if (!head) return;
  assertText(Buffer.concat(head).subarray(0, TYPE_BYTES));
  yield* head;
}
