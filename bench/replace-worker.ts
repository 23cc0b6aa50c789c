import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchInput } from './input.js';

/**
 * Ends the worker, and resolves to the pid of the next one once that is at rest: what a process has once taken from the
 * system it may keep, so that only a fresh one shows what one load needs.
 */
export async function replaceWorker({ service }: BenchInput['workspace']): Promise<number> {
  const old = service.services().worker_pid;
  process.kill(old, 'SIGTERM');
  while (service.services().worker_pid === old) await sleep(50);
  // Until it has connected and loaded its workflows.
  await sleep(3000);
  return service.services().worker_pid;
}
