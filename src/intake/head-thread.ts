import type { Preview } from '../contract/answers.js';
import { TaskError } from '../contract/errors.js';
import { checkHead } from './check-head.js';
import type { FileOptions } from './file-options.js';
import { type HeadFault, toHeadFault } from './head-fault.js';
import { previewHead } from './preview-head.js';

/** What is done with a head: it is checked, or the first rows are shown. */
export interface HeadJob {
  head: Uint8Array;
  isWhole: boolean;
  options: FileOptions;
  /** Rows of a preview; undefined for a check. */
  rows?: number;
}

/** Nothing for a check, what is shown for a preview, or why neither can be. */
export interface HeadAnswer {
  preview?: Preview;
  fault?: HeadFault;
}

/** What a thread runs: one head. */
export default function workOnHead({ head: bytes, isWhole, options, rows }: HeadJob): HeadAnswer {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (rows !== undefined) return { preview: previewHead(head, isWhole, options, rows) };
    checkHead(head, isWhole, options);
    return {};
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    return { fault: toHeadFault(error) };
  }
}
