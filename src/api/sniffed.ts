import { ERRORS, type ErrorCode, TaskError } from '../contract/errors.js';

/** How much of a file is looked at before it is taken. */
const HEAD_BYTES = 64 << 10;

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
    if (bytes < HEAD_BYTES) continue;
    check(head, assertText);
    yield* head;
    head = null;
  }
  if (!head) return;
  check(head, assertText);
  yield* head;
}

function check(chunks: Uint8Array[], assertText: (head: Uint8Array) => void): void {
  try {
    assertText(Buffer.concat(chunks).subarray(0, HEAD_BYTES));
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === undefined || !(code in ERRORS)) throw error;
    throw new TaskError(code as ErrorCode, message, {}, { cause: error });
  }
}
