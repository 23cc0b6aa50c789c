import { TYPE_BYTES } from '../csv/file-type.js';

/**
 * Passes a file on after a look at its beginning.
 * @throws {TaskError} what `assertText` finds: empty_file, not_a_text_file, unsupported_encoding
 */
export async function* sniffed(
  source: AsyncIterable<Uint8Array>,
  assertText: (head: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let head: Uint8Array[] | null = [];
  let bytes = 0;
  for await (const chunk of source) {
    if (!head) {
      yield chunk;
      continue;
    }
    head.push(chunk);
    bytes += chunk.length;
    if (bytes < TYPE_BYTES) continue;
    assertText(Buffer.concat(head).subarray(0, TYPE_BYTES));
    yield* head;
    head = null;
  }
  if (!head) return;
  assertText(Buffer.concat(head).subarray(0, TYPE_BYTES));
  yield* head;
}
