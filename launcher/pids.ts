import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Signals and grace period for stopping a process. */
export interface StopOptions {
  /** The polite signal. Default SIGTERM. */
  signal?: NodeJS.Signals;
  /** The signal after `graceMs`, or as soon as `hurry` is aborted. Default SIGKILL. */
  lastSignal?: NodeJS.Signals;
  /** Milliseconds between the two. Default 10,000. */
  graceMs?: number;
  hurry?: AbortSignal;
}

/** Whether a process with this id runs. One that has ended and was not collected by its parent counts as ended. */
export function isAlive(pid: number): boolean {
  const state = linuxStat(pid)?.[0];
  if (state) return state !== 'Z' && state !== 'X';
  return sendSignal(pid, 0);
}

/** Ends the process by its id and resolves when it is gone; resolves at once when there is none. */
export async function stopPid(pid: number, options: StopOptions = {}): Promise<void> {
  const { signal = 'SIGTERM', lastSignal = 'SIGKILL', graceMs = 10_000, hurry } = options;
  sendSignal(pid, signal);
  if (await isGoneWithin(pid, graceMs, hurry)) return;
  sendSignal(pid, lastSignal);
  if (await isGoneWithin(pid, 10_000)) return;
  sendSignal(pid, 'SIGKILL');
  await isGoneWithin(pid, 10_000);
}

/** Remembers in `file` which process this is, in a form that a later process with the same id does not match. */
export function writePidFile(file: string, pid: number, options: { exclusive?: boolean } = {}): void {
  const flag = options.exclusive ? 'wx' : 'w';
  writeFileSync(file, JSON.stringify({ pid, birth: birthOf(pid) }), { mode: 0o600, flag });
}

/** The pid written by `writePidFile`, if that very process still runs; undefined otherwise, also without a file. */
export function readLivePid(file: string): number | undefined {
  try {
    const { pid, birth } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; birth: string };
    return isAlive(pid) && birth === birthOf(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Ends what an earlier run left behind under this pid file, and removes the file. Resolves to the pid it ended. */
export async function stopLeftover(file: string, options: StopOptions = {}): Promise<number | undefined> {
  const pid = readLivePid(file);
  if (pid) await stopPid(pid, options);
  rmSync(file, { force: true });
  return pid;
}

/** The command line of a process, arguments separated by spaces; empty when there is none. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return ps(pid, 'command=');
  } catch {
    return '';
  }
}

async function isGoneWithin(pid: number, milliseconds: number, hurry?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > deadline || hurry?.aborted) return false;
    await sleep(20);
  }
  return true;
}

/** Sends a signal (0 sends none and only asks). False when there is none. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

// Pids are reused. Only together with the start time (on Linux: boot and clock ticks since) do they identify a process.
function birthOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${linuxStat(pid)?.[19]}`;
}

// Fields of /proc/<pid>/stat from the third (state) on; the second, the name, may hold spaces and parentheses.
function linuxStat(pid: number): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}

function ps(pid: number, field: string): string {
  return execFileSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8' }).trim();
}
