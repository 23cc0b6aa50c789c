import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { findOnPath } from '../launcher/programs.js';

/** What the service is measured against: PostgreSQL's own way to load and to export a CSV file. */
export interface Peer {
  /** The name in the tables of figures. */
  name: string;
  /** @param format of the file; CSV with a header by default */
  copyIn(table: string, file: string, format?: string): Promise<void>;
  copyOut(table: string, file: string, format?: string): Promise<void>;
}

/** `psql \copy` where psql is on the machine; else the same COPY through one plain connection of Node.js. */
export function findPeer(databaseUrl: string): Peer {
  const psql = findOnPath('psql');
  return psql ? psqlPeer(psql, databaseUrl) : plainPeer(databaseUrl);
}

const FORMAT = '(FORMAT csv, HEADER true)';

function psqlPeer(psql: string, databaseUrl: string): Peer {
  const env = { ...process.env, ...connectionVariables(databaseUrl) };
  return {
    name: 'psql \\copy',
    copyIn: (table, file, format = FORMAT) => run(psql, `\\copy ${table} FROM '${file}' WITH ${format}`, env),
    copyOut: (table, file, format = FORMAT) => run(psql, `\\copy ${table} TO '${file}' WITH ${format}`, env),
  };
}

// Not on the command line, where everybody on the machine could read the password.
function connectionVariables(databaseUrl: string): Record<string, string> {
  const url = new URL(databaseUrl);
  return {
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
    PGCLIENTENCODING: 'UTF8',
  };
}

async function run(psql: string, command: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(psql, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', command], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`psql ended with exit code ${code}: ${command}`);
}

function plainPeer(databaseUrl: string): Peer {
  const withConnection = async (body: (client: pg.Client) => Promise<void>) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      await body(client);
    } finally {
      await client.end();
    }
  };
  return {
    name: 'COPY on one connection from Node.js (no psql here)',
    copyIn: (table, file, format = FORMAT) =>
      withConnection((client) =>
        pipeline(
          createReadStream(file, { highWaterMark: 1 << 20 }),
          client.query(copyFrom(`COPY ${table} FROM STDIN ${format}`)),
        ),
      ),
    copyOut: (table, file, format = FORMAT) =>
      withConnection((client) =>
        pipeline(client.query(copyTo(`COPY ${table} TO STDOUT ${format}`)), createWriteStream(file)),
      ),
  };
}
