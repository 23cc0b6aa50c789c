import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readLivePid, stopLeftover, writePidFile } from './pids.js';

/** The content of `DATA_DIR/services.json` while Long-Task runs. Only its owner may read it: it holds a password. */
export interface Services {
  /** Of `npm start`. */
  pid: number;
  /** URL. */
  api: string;
  /** `host:port`. */
  temporal: string;
  /** URL, or null where it is not ours to know. */
  temporal_ui: string | null;
  database_url: string;
  worker_pid: number;
  api_pid: number;
  /** Null for a server that is not ours. */
  postgres_pid: number | null;
  temporal_pid: number | null;
}

/** Writes `services.json` in one step: a reader finds the old content or the new one, whole. */
export function writeServices(dataDir: string, services: Services): void {
  const file = servicesFile(dataDir);
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(services, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** `DATA_DIR/services.json`. */
export function servicesFile(dataDir: string): string {
  return path.join(dataDir, 'services.json');
}

/** Where the pid of a process is kept while it runs. */
export function pidFile(dataDir: string, name: 'start' | 'api' | 'worker'): string {
  return path.join(dataDir, 'run', `${name}.pid`);
}

/**
 * Makes this process the only one that runs Long-Task on `dataDir`, and ends API and worker of one that was killed.
 * Resolves to the function that gives the folder back.
 * @throws Error naming `DATA_DIR` when another `npm start` runs on it.
 */
export async function claimDataDir(dataDir: string, log: (message: string) => void): Promise<() => void> {
  const claim = pidFile(dataDir, 'start');
  mkdirSync(path.dirname(claim), { recursive: true, mode: 0o700 });
  takeClaim(claim, dataDir);
  rmSync(servicesFile(dataDir), { force: true });
  const stopProcess = async (name: 'api' | 'worker') => {
    const pid = await stopLeftover(pidFile(dataDir, name), { graceMs: 3000 });
    if (pid) log(`stopped the ${name === 'api' ? 'API' : name} that was left running (pid ${pid})`);
  };
  await Promise.all([stopProcess('api'), stopProcess('worker')]);
  return () => {
    rmSync(servicesFile(dataDir), { force: true });
    rmSync(claim, { force: true });
  };
}

function takeClaim(claim: string, dataDir: string): void {
  try {
    writePidFile(claim, process.pid, { exclusive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const pid = readLivePid(claim);
    if (pid) {
      const advice = 'stop it, or set DATA_DIR (and the ports) for a second copy';
      throw new Error(`Long-Task already runs on ${dataDir} (pid ${pid}): ${advice}`, { cause: error });
    }
    rmSync(claim, { force: true });
    takeClaim(claim, dataDir);
  }
}
