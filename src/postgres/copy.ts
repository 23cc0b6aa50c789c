import { once } from 'node:events';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A table and its columns as COPY needs them; the columns' names are quoted here. */
export interface CopyTarget {
  table: string;
  columns: string[];
}

/**
 * Size of one CopyData message. The server gathers a message whole before it reads it: at 1 MiB that cost it a quarter
 * more processor time for the same rows than at 64 KiB (255 MB, one connection: 5.4 against 4.2 s).
 */
const MESSAGE_BYTES = 64 << 10;
const AHEAD_BYTES = 2 << 20;

/**
 * Sends one batch of rows, in COPY's text format, to a table. Resolves with the number of rows that PostgreSQL took;
 * the rows count when the caller's transaction commits. `bytes` must not be changed before it resolves.
 * @throws the error of PostgreSQL, with `where` naming line and column of the batch
 */
export async function copyIn(client: pg.ClientBase, target: CopyTarget, bytes: Buffer): Promise<number> {
  const columns = target.columns.map(quoteIdent).join(', ');
  const stream = client.query(copyFrom(`COPY ${target.table} (${columns}) FROM STDIN`));
  const finished = once(stream, 'finish'); // Rejects on 'error'.
  for (let from = 0; from < bytes.length; from += MESSAGE_BYTES) {
    stream.write(bytes.subarray(from, from + MESSAGE_BYTES));
    // Of a long record no more than this is copied ahead of the connection. Batches of the usual size are sent without
    // a wait.
    const isAhead = (from + MESSAGE_BYTES) % AHEAD_BYTES === 0 && stream.writableNeedDrain;
    if (isAhead) await Promise.race([once(stream, 'drain'), finished]);
  }
  stream.end();
  await finished;
  return stream.rowCount;
}

const LETTERS: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A row in COPY's text format (manual, COPY, "File Formats"); null is NULL. */
export function copyLine(values: readonly (string | number | null)[]): string {
  const fields = values.map((value) =>
    value === null ? '\\N' : String(value).replace(/[\\\n\r\t]/g, (char) => LETTERS[char]!),
  );
  return `${fields.join('\t')}\n`;
}

/** A PostgreSQL identifier, quoted (manual, 4.1.1). */
export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A PostgreSQL string constant (manual, 4.1.2.1), also where it holds backslashes. */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
