import { TaskError } from '../contract/errors.js';
import { MAX_RECORD_BYTES } from '../contract/limits.js';
import { type DecodedLines, lastLine, linesDecoder, widthOf } from '../dialect/decode-lines.js';

/** Whole lines of a file: their bytes, where they begin in it, and what they say. */
export interface SourceLines extends DecodedLines {
  source: Buffer;
  sourceOffset: number;
}

/** Lines are decoded in blocks of about this many bytes. */
const BLOCK_BYTES = 1 << 18;

/**
 * Decodes a file as a stream of blocks of whole lines.
 * @param from its offset in the file
 * @throws {TaskError} record_too_large for a line that no record could be
 */
export async function* readLines(
  bytes: AsyncIterable<Buffer>,
  encoding: string,
  from = 0,
): AsyncGenerator<SourceLines> {
  const decode = linesDecoder(encoding);
  let offset = from;
  let pending: Buffer[] = [];
  let length = 0;
  let enough = BLOCK_BYTES;
  for await (const chunk of bytes) {
    pending.push(chunk);
    length += chunk.length;
    if (length < enough) continue;
    const block = Buffer.concat(pending);
    const end = lastLine(block, encoding);
    if (end > 0) yield { ...decode(block.subarray(0, end)), source: block.subarray(0, end), sourceOffset: offset };
    else if (length > MAX_RECORD_BYTES * widthOf(encoding)) throw tooLong(offset);
    offset += end;
    pending = [block.subarray(end)];
    length = block.length - end;
    // So that a long line is not searched again and again.
    enough = Math.max(BLOCK_BYTES, 2 * length);
  }
  const rest = Buffer.concat(pending);
  if (rest.length > 0) yield { ...decode(rest), source: rest, sourceOffset: offset };
}

function tooLong(offset: number): TaskError {
  const detail = `A line is longer than ${MAX_RECORD_BYTES} bytes, which is the most that a record may have. Check it for a missing line break.`;
  return new TaskError('record_too_large', detail, { byte_offset: offset });
}
