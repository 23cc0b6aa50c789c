import { on, once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { createEngine } from '../csv/engine.js';
import { kernel } from '../kernel/kernel.js';
import type { ScannedPart } from './scan-part.js';
import { type Arriving, StreamedFile } from './streamed-file.js';

/**
 * Room before each buffer for the rest of the previous one, so that each record is contiguous. If a rest is longer, the
 * thread stops, and inspect reads the stored file from there.
 */
export const REST_BYTES = 1 << 16;

/** What a thread is given: the port on which the file comes, one buffer after the other. */
export interface InspectionJob {
  port: MessagePort;
  arriving: Arriving;
}

/** `length` bytes of the file, in `buffer` after the room for the rest. The thread sends the buffer back after use. */
export interface StreamedBuffer {
  buffer: ArrayBuffer;
  length: number;
  final: boolean;
}

const csv = createEngine(kernel);

/** What a thread runs: one file, until it is whole, nothing is left to find, or its sender closes the port. */
export default async function inspectArriving({ port, arriving }: InspectionJob): Promise<ScannedPart[]> {
  const file = new StreamedFile(csv, arriving);
  let rest = Buffer.alloc(0);
  const take = ({ buffer, length, final }: StreamedBuffer): boolean => {
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
    // Buffers that are under way when nothing is left to find are dropped.
    for await (const [arrived] of on(port, 'message', { close: ['close'] })) if (!take(arrived)) break;
    return file.parts;
  } finally {
    port.close();
    // Between two jobs a thread sleeps: the sender would not see the port close before the next.
    await closed;
  }
}
