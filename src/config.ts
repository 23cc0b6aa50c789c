import { isIPv4 } from 'node:net';
import path from 'node:path';
import envSchema from 'env-schema';
import Type, { type Static, type TProperties } from 'typebox';
import { TASK_QUEUE } from './contract/messages.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Scheme, host and port of a page, as a browser sends them. */
const ORIGIN = 'https?://[A-Za-z0-9.\\-_\\[\\]:]+';

/** A schema and a table, each with stars for any characters. */
const TABLES = '[^\\s.,"]+\\.[^\\s.,"]+';

/** The variables that API and worker read, with the allowed values. `npm start` adds those of its bundled servers. */
export const VARIABLES = {
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'a host name or an IP address' }),
  PORT: Type.Integer({
    default: 8000,
    minimum: 0,
    maximum: 65_535,
    description: 'a port, 0 to 65535 (0: any free one)',
  }),
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      pattern: '^[^\\s,/*@]+(\\s*,\\s*[^\\s,/*@]+)*$',
      description: 'host names, separated by commas: tasks.example.org,10.0.0.5',
    }),
  ),
  ALLOWED_ORIGINS: Type.Optional(
    Type.String({
      pattern: `^${ORIGIN}(\\s*,\\s*${ORIGIN})*$`,
      description: 'origins of pages, separated by commas, never a star: https://tasks.example.org',
    }),
  ),
  AUTH: Type.Enum(['off'], { default: 'off', description: 'off: a login does not exist yet' }),
  INSECURE_NO_AUTH: Type.Optional(
    Type.Enum(['0', '1'], { description: '1 where a network keeps others away from an API without login' }),
  ),
  DATA_DIR: Type.String({ default: '.data', minLength: 1, description: 'a folder' }),
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://.+',
    description: 'the address of PostgreSQL, as postgres://user:password@host:5432/database',
  }),
  DATABASE_EXPORT_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://.+',
      description: 'the address of the same database for the role of exports, as DATABASE_URL',
    }),
  ),
  DATABASE_ADMIN_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://.+',
      description: 'the address of the same database for an administrator, as DATABASE_URL',
    }),
  ),
  EXPORT_TABLES: Type.String({
    default: 'public.*',
    pattern: `^(none|${TABLES}(\\s*,\\s*${TABLES})*)$`,
    description: 'tables as schema.table with stars, separated by commas: public.*, reporting.sales_*; or none',
  }),
  TEMPORAL_ADDRESS: Type.String({
    default: '127.0.0.1:7233',
    pattern: '^[^\\s/]+:\\d{1,5}$',
    description: 'the address of Temporal, as host:port',
  }),
  TEMPORAL_NAMESPACE: Type.String({ default: 'default', minLength: 1, description: 'a namespace of Temporal' }),
  TASK_QUEUE: Type.String({ default: TASK_QUEUE, minLength: 1, description: 'a name' }),
  LOG_LEVEL: Type.Enum([...LOG_LEVELS], { default: 'info', description: `one of ${LOG_LEVELS.join(', ')}` }),
  MAX_UPLOAD_BYTES: Type.Integer({ default: 100 * 2 ** 30, minimum: 1, description: 'a number of bytes, at least 1' }),
  RETENTION_DAYS: Type.Integer({
    default: 30,
    minimum: 0,
    maximum: 36_500,
    description: 'a number of days, 0 to 36500 (0: for ever)',
  }),
  WORKER_PARTS: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 32,
    description: 'how many parts of one task are worked on at once, 1 to 32',
  }),
  WORKER_METRICS_PORT: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_535, description: 'a port of loopback, 1 to 65535' }),
  ),
  NODE_ENV: Type.Optional(Type.String({ description: 'production, development or test' })),
  FAILPOINT: Type.Optional(Type.String({ description: 'name:nth:effect, for tests only' })),
};

export type Config = Readonly<Static<ReturnType<typeof schemaOf<typeof VARIABLES>>>>;

/**
 * The configuration of API and worker, from the environment, frozen.
 * @throws Error of one line per variable: its name, the value seen, what is allowed
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const config = readVariables(VARIABLES, environment);
  return Object.freeze({ ...config, DATA_DIR: path.resolve(config.DATA_DIR) });
}

/**
 * Refuses to serve without a login where other machines can come in.
 * @throws Error of one line that names the variables
 */
export function assertSafeToServe({ HOST, AUTH, INSECURE_NO_AUTH }: Exposure): void {
  if (AUTH !== 'off' || INSECURE_NO_AUTH === '1' || isLoopback(HOST)) return;
  throw new Error(
    `HOST=${HOST} accepts connections from other machines, and AUTH=off gives them full access: ` +
      'set HOST=127.0.0.1, or INSECURE_NO_AUTH=1 if the network keeps others away',
  );
}

/** The variables that decide who can reach the API. */
export type Exposure = Pick<Config, 'HOST' | 'AUTH' | 'INSECURE_NO_AUTH'>;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** The folder of the file store, the same for API and worker. */
export function storeFolder(config: Pick<Config, 'DATA_DIR'>): string {
  return path.join(config.DATA_DIR, 'files');
}

/** The address for exports: with one role for everything, that of the database. */
export function exportUrl({ DATABASE_URL, DATABASE_EXPORT_URL }: Pick<Config, 'DATABASE_URL' | 'DATABASE_EXPORT_URL'>) {
  return DATABASE_EXPORT_URL ?? DATABASE_URL;
}

/** Reads variables by their schemas. An empty value counts as unset. @throws Error as `loadConfig` */
export function readVariables<T extends TProperties>(
  variables: T,
  environment: NodeJS.ProcessEnv,
): Static<ReturnType<typeof schemaOf<T>>> {
  const data = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  try {
    return envSchema({ schema: schemaOf(variables), data, env: false });
  } catch (error) {
    const { errors } = error as { errors?: Fault[] };
    if (!errors) throw error;
    const names = new Set(errors.map(({ instancePath, params }) => params?.missingProperty ?? instancePath.slice(1)));
    const lines = [...names].map((name) =>
      complaint(name, data[name], (variables[name] as { description: string }).description),
    );
    throw new Error(lines.join('\n'), { cause: error });
  }
}

interface Fault {
  instancePath: string;
  params?: { missingProperty?: string };
}

function complaint(name: string, value: string | undefined, allowed: string): string {
  if (value === undefined)
    return `${name} is not set; it must be ${allowed}. (\`npm start\` provides servers that are not configured.)`;
  // An address may hold a password.
  const shown = /^DATABASE_\w*URL$/.test(name) ? 'the value given' : JSON.stringify(value);
  return `${name}: ${shown} is not allowed; it must be ${allowed}`;
}

function schemaOf<T extends TProperties>(variables: T) {
  return Type.Object(variables);
}
