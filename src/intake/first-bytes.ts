import { assertText, packingOf, TYPE_BYTES } from '../csv/file-type.js';

/** Checks all bytes received so far. Returns true once further bytes can add nothing. */
export type CheckEarly = (head: Buffer) => boolean;

/**
 * Passes a file on after a check of its beginning.
 * @throws {TaskError} empty_file, not_a_text_file, unsupported_encoding, and what `checkEarly` throws
 */
export async function* checkFirstBytes(
  source: AsyncIterable<Uint8Array>,
  checkEarly: CheckEarly,
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
    if (bytes >= nextLook) nextLook = checkEarly(Buffer.concat(head)) ? Number.POSITIVE_INFINITY : bytes * 2;
    if (bytes < TYPE_BYTES) continue;
    assertType(Buffer.concat(head).subarray(0, TYPE_BYTES));
    yield* head;
    head = null;
  }
  if (!head) return;
  assertType(Buffer.concat(head).subarray(0, TYPE_BYTES));
  yield* head;
}

/** What a packed file holds is checked once its head is there. */
function assertType(head: Buffer): void {
  if (!packingOf(head)) assertText(head);
}
