import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { LongTaskClient } from '../src/client/client.js';
import { type Service, startService } from './service.js';

/** A running service in a folder of its own, and every way to look at it. */
export interface Workspace {
  folder: string;
  service: Service;
  client: LongTaskClient;
  /** Sessions of the program that looks, not of the service. */
  db: pg.Pool;
  temporal: Client;
}

export interface WorkspaceOptions {
  /** Of the program, for the folder's name. */
  name: string;
  /** Leaves the folder behind. */
  keep: boolean;
  env?: Record<string, string>;
  log: (message: string) => void;
}

/**
 * Makes a folder, starts the service in it and runs `body`. Afterwards, also when `body` throws or Ctrl-C is pressed,
 * the service is stopped in order and the folder removed; after Ctrl-C the process ends with status 130.
 */
export async function withWorkspace<T>(
  options: WorkspaceOptions,
  body: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  const { name, keep, log } = options;
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  for (const signal of SIGNALS) process.on(signal, interrupt);
  const interruption = new Promise<never>((_resolve, reject) => {
    interrupted.signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  const folder = await mkdtemp(path.join(os.tmpdir(), `long-task-${name}-`));
  const cleanups: Cleanups = [];
  const opening = open(options, folder, cleanups, interrupted.signal);
  try {
    return await Promise.race([opening.then(body), interruption]);
  } finally {
    // A start that was interrupted stops by itself, and only then may its folder go.
    await opening.catch(() => {});
    for (const cleanUp of cleanups.reverse()) await cleanUp();
    if (keep) log(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    if (interrupted.signal.aborted) process.exit(130);
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Cleanups = (() => Promise<void>)[];

async function open(
  { name, env, log }: WorkspaceOptions,
  folder: string,
  cleanups: Cleanups,
  signal: AbortSignal,
): Promise<Workspace> {
  const service = await startService({ dataDir: path.join(folder, 'data'), env, log, signal });
  cleanups.push(() => service.stop());
  const db = new pg.Pool({ connectionString: service.databaseUrl, max: 4, application_name: name });
  // An idle connection that is lost is replaced by the next query.
  db.on('error', () => {});
  cleanups.push(() => db.end());
  const connection = await Connection.connect({ address: service.temporal });
  cleanups.push(() => connection.close());
  return { folder, service, client: new LongTaskClient(service.api), db, temporal: new Client({ connection }) };
}
