import { on, once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { createEngine } from '../csv/engine.js';
import { kernel } from '../kernel/kernel.js';
import { ArrivingFile } from './arriving-file.js';
import type { DialectOptions } from './read-head.js';
import type { ScannedPart } from './scan-part.js';

/**
 * In front of each buffer there is room for the rest of the one before, so that records stand in one piece. Where one is longer, the
 * stored file is inspected from there.
 */
export const REST_BYTES = 1 << 16;

/** What a thread is given: the port on which the file comes, one buffer after the other. */
export interface ArrivalJob {
  port: MessagePort;
  options: DialectOptions;
}

/** `length` bytes of the file, in `buffer` behind the room for the rest. The thread sends the buffer back when it is done with it. */
export interface Arrived {
  buffer: ArrayBuffer;
  length: number;
  final: boolean;
}

const csv = createEngine(kernel);

/** What a thread runs: one file, until it is whole, or there is no more to find, or its sender closes the port. */
export default async function inspectArriving({ port, options }: ArrivalJob): Promise<ScannedPart[]> {
  const file = new ArrivingFile(csv, options);
  let rest = Buffer.alloc(0);
  const take = ({ buffer, length, final }: Arrived): boolean => {
    const bytes = Buffer.from(buffer, REST_BYTES - rest.length, rest.length + length);
    bytes.set(rest);
    const taken = file.take(bytes, final);
    if (taken === null || final || bytes.length - taken > REST_BYTES) return false;
    rest = Buffer.from(bytes.subarray(taken));
    port.postMessage(buffer, [buffer]);
    return true;
  };
  const closed = once(port, 'close');
  try {
    // What is under way when there is no more to find is not taken any more.
    for await (const [arrived] of on(port, 'message', { close: ['close'] })) if (!take(arrived)) break;
    return file.parts;
  } finally {
    port.close();
    // Between two jobs a thread stands still: the other side would not hear of it before the next.
    await closed;
  }
}
