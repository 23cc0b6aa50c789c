import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';

/** The SQL files, found beside the sources and beside the compiled code alike. */
const DIRECTORY = fileURLToPath(
  new URL(`${import.meta.url.includes('/dist/') ? '../../../' : '../../'}migrations`, import.meta.url),
);

/** Brings the database's schema up to date. Several processes may call it at once: one migrates, the others wait. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runner({
    databaseUrl,
    dir: DIRECTORY,
    direction: 'up',
    migrationsTable: 'migrations',
    migrationsSchema: 'long_task',
    createMigrationsSchema: true,
    advisoryLockMode: 'wait',
    log: () => {},
  });
}
