import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import { withoutPasswords } from '../src/log.js';
import type { ProcessOptions } from './processes.js';

/** Where log lines go: ours and those of API and worker. */
export interface Output {
  log: Logger;
  /** For `startProcess`. */
  forProcesses: ProcessOptions['output'];
}

/** JSON lines on stderr, made readable when it is a terminal. Written at once, so that the last line is not lost. */
export function openOutput(level: string): Output {
  const { isTTY } = process.stderr;
  const stream = isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
    : pino.destination({ fd: 2, sync: true });
  const hide = { write: (line: string) => void stream.write(withoutPasswords(line)) };
  const log = pino({ name: 'start', level, timestamp: pino.stdTimeFunctions.isoTime }, hide);
  // Without a terminal API and worker write to our stderr themselves: no detour through this process.
  return { log, forProcesses: isTTY ? (line) => void stream.write(`${line}\n`) : 2 };
}
