import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { createEngine } from '../csv/engine.js';
import { kernel } from '../kernel/kernel.js';
import { createLocalStore } from '../storage/local-store.js';
import { type ConvertAnswer, type ConvertJob, convertStored } from './convert-stored.js';
import { StreamingInspections } from './streaming-inspection.js';

const csv = createEngine(kernel);
/**
 * A text is inspected while it is written; where that fails, when it is stored. Few buffers: a conversion can wait.
 */
const inspections = new StreamingInspections(() => {}, { idleMs: 0, buffers: 3 });

/** What a thread is given: a file, the folder of the store, and the port to its caller. */
export interface ThreadJob extends ConvertJob {
  folder: string;
  port: MessagePort;
}

/** What the caller sends: that unread records are stored, or that the conversion must end. */
export type FromCaller = 'stored' | 'stop';

/** What a thread of the converter runs: one file. */
export default async function convertInThread({ folder, port, ...job }: ThreadJob): Promise<ConvertAnswer> {
  let isStopped = false;
  port.on('message', (message: FromCaller) => {
    isStopped ||= message === 'stop';
  });
  const check = () => {
    if (isStopped) throw new Error('the conversion was stopped');
  };
  try {
    return await convertStored(createLocalStore(folder), job, {
      csv,
      inspect: (text) => inspections.begin({ text }),
      check,
      onUnread: async (records) => {
        const answered = once(port, 'message');
        port.postMessage(records);
        await answered;
        check();
      },
    });
  } finally {
    port.close();
  }
}
