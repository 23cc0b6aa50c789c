import { TaskError } from '../contract/errors.js';
import type { FileOptions } from './file-options.js';
import { type HeadFault, toHeadFault } from './head-fault.js';
import { type Head, readHead } from './read-head.js';

export interface ReadHeadJob {
  bytes: Uint8Array;
  isWhole: boolean;
  options: FileOptions;
}

/** What a head says, or why the file cannot be read. */
export type ReadHeadAnswer = { head: Head; fault?: undefined } | { head?: undefined; fault: HeadFault };

/** What a thread runs: one head. */
export default function readHeadInThread({ bytes, isWhole, options }: ReadHeadJob): ReadHeadAnswer {
  try {
    return { head: readHead(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), isWhole, options) };
  } catch (error) {
    if (error instanceof TaskError) return { fault: toHeadFault(error) };
    throw error;
  }
}
