/** Returns the milliseconds of the processor that a work takes: the clock of a busy machine says nothing of it. */
export function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  return process.cpuUsage(before).user / 1000;
}
