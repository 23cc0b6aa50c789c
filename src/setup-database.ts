/**
 * `npm run setup:database`: makes the roles that DATABASE_URL and DATABASE_EXPORT_URL name, as the administrator of
 * DATABASE_ADMIN_URL, and brings the schema up to date. API and worker then need no administrator. Exit status 1 after
 * an error.
 */
import { loadConfig } from './config.js';
import { setUpDatabase } from './roles/set-up.js';

try {
  const { DATABASE_ADMIN_URL: admin, DATABASE_URL: app, DATABASE_EXPORT_URL: exporter, EXPORT_TABLES } = loadConfig();
  if (!admin || !exporter)
    throw new Error('DATABASE_ADMIN_URL and DATABASE_EXPORT_URL must be set together with DATABASE_URL');
  await setUpDatabase({ admin, app, exporter }, EXPORT_TABLES);
} catch (error) {
  process.stderr.write(`long-task set-up: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
