import { refusing } from './header-check.js';

/** How much of a file is checked before the first byte of it is stored. */
const HEAD_BYTES = 64 << 10;

/** The checks of a file's first bytes. Each throws the error to answer with. */
export interface HeadChecks {
  /** @throws {CsvError} empty_file, not_a_text_file, unsupported_encoding */
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
    if (bytes < HEAD_BYTES) continue;
    check(head, assertText);
    yield* head;
    head = null;
  }
  if (!head) return;
  check(head, assertText);
  yield* head;
}

function check(chunks: Uint8Array[], assertText: HeadChecks['assertText']): void {
  refusing(() => assertText(Buffer.concat(chunks).subarray(0, HEAD_BYTES)));
}
