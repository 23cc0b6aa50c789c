import pg from 'pg';
import { canConnect } from './ports.js';

/**
 * One sentence on what keeps the service from being ready: PostgreSQL or Temporal that cannot be reached and what to do
 * about it, or else what the API's own answer says. Takes two seconds at most, never throws.
 */
export async function describeMissing(env: NodeJS.ProcessEnv, answer: Response | undefined): Promise<string> {
  const { DATABASE_URL = '', TEMPORAL_ADDRESS = '' } = env;
  const missing = [await missingDatabase(DATABASE_URL), await missingTemporal(TEMPORAL_ADDRESS)].filter(Boolean);
  if (missing.length) return `waiting for ${missing.join(', and for ')}`;
  if (!answer) return 'waiting for the API to answer';
  return `waiting for the API to be ready; it says: ${(await answer.text().catch(() => '')).slice(0, 300)}`;
}

async function missingDatabase(url: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    const { host, port } = client;
    return `PostgreSQL at ${host}:${port} (${reason(error)}): ${advice('DATABASE_URL')}`;
  } finally {
    await client.end().catch(() => {});
  }
}

async function missingTemporal(address: string): Promise<string | undefined> {
  const { hostname, port } = new URL(`http://${address}`);
  if (await canConnect(Number(port || 80), hostname)) return undefined;
  return `Temporal at ${address} (no connection): ${advice('TEMPORAL_ADDRESS')}`;
}

function advice(variable: string): string {
  return `start it, or correct ${variable}, or unset it to use the bundled one`;
}

function reason(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || 'no connection';
}
