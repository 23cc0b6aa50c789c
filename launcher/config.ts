import path from 'node:path';
import Type, { type Static } from 'typebox';
import { assertSafeToServe, readVariables, VARIABLES } from '../src/config.js';

const port = (fallback: number) =>
  Type.Integer({ default: fallback, minimum: 1, maximum: 65_535, description: 'a port, 1 to 65535' });

/** The variables that only `npm start` reads: the address of a server, or the port for a bundled one. */
export const STARTER_VARIABLES = {
  HOST: VARIABLES.HOST,
  PORT: port(8000),
  ALLOWED_HOSTS: VARIABLES.ALLOWED_HOSTS,
  ALLOWED_ORIGINS: VARIABLES.ALLOWED_ORIGINS,
  AUTH: VARIABLES.AUTH,
  INSECURE_NO_AUTH: VARIABLES.INSECURE_NO_AUTH,
  DATA_DIR: VARIABLES.DATA_DIR,
  DATABASE_URL: Type.Optional(VARIABLES.DATABASE_URL),
  DATABASE_EXPORT_URL: VARIABLES.DATABASE_EXPORT_URL,
  DATABASE_ADMIN_URL: VARIABLES.DATABASE_ADMIN_URL,
  EXPORT_TABLES: VARIABLES.EXPORT_TABLES,
  POSTGRES_PORT: port(5433),
  // Without the default of API and worker: when unset, the bundled server is started.
  TEMPORAL_ADDRESS: Type.Optional(
    Type.String({ pattern: '^[^\\s/]+:\\d{1,5}$', description: 'the address of Temporal, as host:port' }),
  ),
  TEMPORAL_PORT: port(7233),
  TEMPORAL_UI_PORT: port(8233),
  TEMPORAL_NAMESPACE: VARIABLES.TEMPORAL_NAMESPACE,
  LOG_LEVEL: VARIABLES.LOG_LEVEL,
};

export type StarterConfig = Readonly<{ [K in keyof typeof STARTER_VARIABLES]: Static<(typeof STARTER_VARIABLES)[K]> }>;

/**
 * The configuration of `npm start`, from the environment, `DATA_DIR` made absolute.
 * @throws Error of one line per variable: its name, the value seen, what is allowed; or that HOST lets others in
 * without a login.
 */
export function loadStarterConfig(environment: NodeJS.ProcessEnv = process.env): StarterConfig {
  const config = readVariables(STARTER_VARIABLES, environment) as StarterConfig;
  assertSafeToServe(config);
  return Object.freeze({ ...config, DATA_DIR: path.resolve(config.DATA_DIR) });
}
