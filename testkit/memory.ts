import { readFileSync } from 'node:fs';

/** Returns the most memory that a process has had resident so far, in MiB; undefined where /proc does not say. */
export function peakMemory(pid: number): number | undefined {
  return megabytesOf(pid, 'VmHWM');
}

/** Returns the memory that a process has resident now, in MiB; undefined where /proc does not say. */
export function residentMemory(pid: number): number | undefined {
  return megabytesOf(pid, 'VmRSS');
}

function megabytesOf(pid: number, name: string): number | undefined {
  try {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
