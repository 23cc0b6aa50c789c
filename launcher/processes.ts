import { type StdioOptions, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type StopOptions, stopPid, writePidFile } from './pids.js';
import { endingWithUs } from './setpriv.js';

/** A process of ours that runs now. */
export interface Running {
  readonly pid: number;
  /** Resolves, never rejects, with how it ended: "exit code 1", "signal SIGKILL". */
  readonly exited: Promise<string>;
  /** Asks the process to end, kills it after a grace period, resolves after its end. `hurry` ends the grace period. */
  stop(hurry?: AbortSignal): Promise<void>;
}

export interface ProcessOptions {
  command: string;
  args?: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Where both outputs go: a file descriptor (2 = our own stderr), or a function that is given each line. */
  output: number | ((line: string) => void);
  /** How it is stopped; default SIGTERM, then SIGKILL after 10 s. */
  stop?: StopOptions;
  /** Kept for as long as it runs, so that the next run can find it should we be killed. */
  pidFile?: string;
}

/**
 * Starts a process and resolves as soon as it runs.
 * It gets a session of its own: Ctrl-C on the terminal reaches us alone, and we stop the processes in their order.
 * If this process is killed, the system ends the child (Linux with util-linux); elsewhere the next run finds it by the
 * pid file.
 * @throws Error when the command cannot be started at all.
 */
export async function startProcess(options: ProcessOptions): Promise<Running> {
  const { command, args = [], cwd, env, output, stop = {}, pidFile } = options;
  const [program, ...programArgs] = endingWithUs([command, ...args], stop.signal ?? 'SIGTERM');
  const stdio: StdioOptions = typeof output === 'number' ? ['ignore', output, output] : ['ignore', 'pipe', 'pipe'];
  const child = spawn(program as string, programArgs, { cwd, env, stdio, detached: true });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  if (typeof output === 'function') for (const stream of [child.stdout, child.stderr]) readLines(stream, output);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`, { cause: error })));
  });
  const pid = child.pid as number;
  if (pidFile) {
    writePidFile(pidFile, pid);
    void exited.then(() => rmSync(pidFile, { force: true }));
  }
  return { pid, exited, stop: (hurry) => stopPid(pid, { ...stop, hurry }) };
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
