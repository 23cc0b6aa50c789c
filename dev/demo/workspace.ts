import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { LongTaskClient } from '../client.js';
import { type Service, startService } from '../service.js';

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
 * Makes a folder, starts the service in it and runs `body`. Afterwards, also when `body` throws or Ctrl-C is pressed, the
 * service is stopped in order and the folder removed.
 */
export async function withWorkspace<T>(
  options: WorkspaceOptions,
  body: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  const { name, keep, env, log } = options;
  const folder = await mkdtemp(path.join(os.tmpdir(), `long-task-${name}-`));
  const cleanups = [
    () => (keep ? log(`kept: ${folder}`) : rm(folder, { recursive: true, force: true, maxRetries: 3 })),
  ];
  const cleanUp = async () => {
    for (let next = cleanups.pop(); next; next = cleanups.pop()) await next();
  };
  const interrupt = () => void cleanUp().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const service = await startService({ dataDir: path.join(folder, 'data'), env: { LOG_LEVEL: 'info', ...env }, log });
    cleanups.push(() => service.stop());
    const db = new pg.Pool({ connectionString: service.databaseUrl, max: 4, application_name: name });
    // The server goes before its last idle connection does.
    db.on('error', () => {});
    cleanups.push(() => db.end());
    const connection = await Connection.connect({ address: service.temporal });
    cleanups.push(() => connection.close());
    const temporal = new Client({ connection });
    return await body({ folder, service, client: new LongTaskClient(service.api), db, temporal });
  } finally {
    await cleanUp();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}
