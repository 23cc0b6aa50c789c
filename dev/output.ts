import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { ProcessOptions } from './processes.js';

/** Where log lines go: ours and those of the parts. */
export interface Output {
  log: Logger;
  /** For `startProcess`. */
  forParts: ProcessOptions['output'];
}

/** JSON lines on stderr; made readable when stderr is a terminal. */
export function openOutput(level: string): Output {
  const options = { name: 'start', level };
  // Their lines go straight to our stderr: no detour through this process.
  if (!process.stderr.isTTY) return { log: pino(options, pino.destination({ fd: 2, sync: true })), forParts: 2 };
  const stream = pretty({ destination: 2, sync: true, ignore: 'pid,hostname' });
  return { log: pino(options, stream), forParts: (line) => void stream.write(`${line}\n`) };
}
