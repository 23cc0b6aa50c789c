import path from 'node:path';
import { inProject } from './paths.js';
import { type ProcessOptions, type Running, startProcess } from './processes.js';

/** The processes that Long-Task itself consists of. */
export type ServiceName = 'api' | 'worker';

export interface ServiceProcessOptions extends Pick<ProcessOptions, 'output' | 'pidFile'> {
  env: NodeJS.ProcessEnv;
  /** The build that is run, in place of the project's. */
  dist?: string;
  /** Further flags of Node.js. */
  flags?: string[];
}

/** The heap that each was measured with, as flags of Node.js. Dockerfile and docker-compose.yml give the same. */
export const FLAGS: Record<ServiceName, string[]> = {
  // After a rest V8 collects all of the API's heap whenever it has grown by a few MiB, and what comes from the sockets
  // counts as heap: for an upload of 255 MB 14 times. With room from the start it never does (0.4 instead of 1 s of
  // processor time).
  api: ['--initial-old-space-size=128'],
  // Keep the worker's resident memory below 256 MiB. Measured with 300 uploads of 1 MB from 20 clients: 213 MiB at its
  // peak; 273 MiB with a heap that may take 128 MB and double before it is collected, of which most was garbage.
  worker: ['--max-semi-space-size=2', '--max-old-space-size=96', '--heap-growing-percent=40'],
};

/**
 * The allocator that the worker was measured with, as environment of glibc (mallopt(3)): one arena for all threads, and
 * free memory at its end goes back to the system. With two arenas, and without the second, a worker that has converted
 * a file keeps 40 MiB more. Blocks of a file are below 1 MiB and come from the arena: mapped one by one, by their
 * default, they make a conversion take a third longer.
 */
export const WORKER_MALLOC = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '1048576',
};

/** Starts the API or a worker, with the heap that each was measured with, and resolves as soon as it runs. */
export function startServiceProcess(name: ServiceName, options: ServiceProcessOptions): Promise<Running> {
  const { env, output, pidFile, dist = inProject('dist'), flags = [] } = options;
  return startProcess({
    command: process.execPath,
    args: [...FLAGS[name], ...flags, path.join(dist, 'src', name, 'main.js')],
    env: { ...env, ...(name === 'worker' && WORKER_MALLOC) },
    output,
    pidFile,
  });
}
