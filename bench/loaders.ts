import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import pg from 'pg';
import { findPeer } from '../testkit/peer.js';
import type { BenchInput } from './input.js';

/** A way to load a CSV file into a table that is there, other than the service's. */
export interface Loader {
  name: string;
  /** Larger files would take it too long. */
  maxRows?: number;
  /** SQL of a column before those of the file. */
  firstColumn?: string;
  load(table: string, file: string, columns: string[]): Promise<void>;
}

export const LOADED = 'public.peer_load';

/** As many rows in each statement as a program of its own would take. */
const ROWS_PER_INSERT = 500;

/** Lists the ways that this machine has. */
export function loadersFor({ workspace: { service } }: BenchInput): Loader[] {
  const url = service.databaseUrl;
  const copy = findPeer(url);
  return [
    { name: copy.name, load: (table, file) => copy.copyIn(table, file) },
    {
      name: `${copy.name} into an identity primary key`,
      firstColumn: '_row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      load: (table, file, columns) => copy.copyIn(`${table} (${columns.join(', ')})`, file),
    },
    {
      name: `csv-parse, INSERTs of ${ROWS_PER_INSERT} rows`,
      maxRows: 200_000,
      load: (table, file, columns) => insertAll(url, table, file, columns, ROWS_PER_INSERT),
    },
    {
      name: 'csv-parse, one INSERT per row',
      maxRows: 20_000,
      load: (table, file, columns) => insertAll(url, table, file, columns, 1),
    },
  ];
}

/** Inserts row by row, each statement in a transaction of its own, as a plain program does. */
async function insertAll(url: string, table: string, file: string, columns: string[], atOnce: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: string[][] = [];
    const flush = async () => {
      const places = rows.map((row, i) => `(${row.map((_, j) => `$${i * row.length + j + 1}`).join(', ')})`);
      const values = rows.flat().map((value) => (value === '' ? null : value));
      if (rows.length > 0)
        await client.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places.join(', ')}`, values);
      rows = [];
    };
    for await (const row of createReadStream(file).pipe(parse({ from_line: 2 }))) {
      rows.push(row);
      if (rows.length === atOnce) await flush();
    }
    await flush();
  } finally {
    await client.end();
  }
}
