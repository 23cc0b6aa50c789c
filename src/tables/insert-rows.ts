import type pg from 'pg';
import { type CopyTarget, copyIn, quoteIdent, quoteLiteral } from '../postgres/copy.js';

/** A table as rows are inserted into it: the first column is the row number, the others have the types in `types`. */
export interface InsertTarget extends CopyTarget {
  types: string[];
}

/** A row that PostgreSQL refuses, with the SQLSTATE; column (from 0) and value where the column's type refuses it. */
export interface RefusedRow {
  row: number;
  code: string;
  column: number | null;
  value: string | null;
}

/** The SQLSTATE of a row that a trigger or a rule of the table leaves out without an error. */
export const LEFT_OUT = 'LT001';

/** The rows to insert, each with its fields as an array: so a row fits that is too big for a page of the table. */
const BATCH = 'pg_temp.long_task_batch';

/**
 * Inserts the rows of a batch that PostgreSQL accepts and returns those that it refuses, in the caller's transaction.
 * Slower than COPY, but each refused row costs one subtransaction, and no error reaches the log of the server.
 * @param bytes rows in COPY's text format, each with its number first
 */
export async function insertRows(client: pg.ClientBase, target: InsertTarget, bytes: Buffer): Promise<RefusedRow[]> {
  await client.query(
    `CREATE TEMP TABLE ${BATCH}
       (row_no bigint PRIMARY KEY, fields text[] NOT NULL, code text, refused_column integer) ON COMMIT DROP`,
  );
  await copyIn(client, { table: BATCH, columns: ['row_no', 'fields'] }, asArrays(bytes));
  await client.query(insertStatement(target));
  const { rows } = await client.query<RefusedRow>(
    `SELECT row_no AS row, code, refused_column - 1 AS column, left(fields[refused_column], 200) AS value
       FROM ${BATCH} WHERE code IS NOT NULL ORDER BY row_no`,
  );
  await client.query(`DROP TABLE ${BATCH}`);
  return rows;
}

/**
 * Writes each row as its number and an array of its fields (manual, 8.15.2), still in COPY's text format: the
 * backslashes of the data are doubled once more.
 */
function asArrays(bytes: Buffer): Buffer {
  // As latin1, which keeps every byte as it is.
  const lines = bytes.toString('latin1').split('\n').slice(0, -1);
  const arrays = lines.map((line) => {
    const [row, ...fields] = line.split('\t');
    const elements = fields.map((field) =>
      field === '\\N' ? 'NULL' : `"${field.replaceAll('\\\\', '\\\\\\\\').replaceAll('"', '\\\\"')}"`,
    );
    return `${row}\t{${elements.join(',')}}\n`;
  });
  return Buffer.from(arrays.join(''), 'latin1');
}

/**
 * Inserts as many rows at once as PostgreSQL accepts together: after a refusal half of them, down to the row at fault,
 * then twice as many again. Raises errors that are not about a row. An error that is caught is not logged.
 */
function insertStatement({ table, columns, types }: InsertTarget): string {
  const values = types.map((type, i) => (type === 'text' ? `fields[${i + 1}]` : `fields[${i + 1}]::${type}`));
  return `DO $do$
    DECLARE
      types text[] := ARRAY[${types.map(quoteLiteral).join(', ')}];
      next bigint := (SELECT min(row_no) FROM ${BATCH});
      last bigint := (SELECT max(row_no) FROM ${BATCH});
      size bigint := last - next + 1;
      state text;
      inserted bigint;
      culprit integer;
    BEGIN
      SET CONSTRAINTS ALL IMMEDIATE;
      WHILE next <= last LOOP
        BEGIN
          INSERT INTO ${table} (${columns.map(quoteIdent).join(', ')})
            SELECT row_no, ${values.join(', ')} FROM ${BATCH}
             WHERE row_no BETWEEN next AND next + size - 1 ORDER BY row_no;
          GET DIAGNOSTICS inserted = ROW_COUNT;
          IF inserted < (SELECT count(*) FROM ${BATCH} WHERE row_no BETWEEN next AND next + size - 1) THEN
            RAISE EXCEPTION USING ERRCODE = ${quoteLiteral(LEFT_OUT)};
          END IF;
          next := next + size;
          size := size * 2;
          CONTINUE;
        EXCEPTION WHEN OTHERS THEN
          state := SQLSTATE;
          IF state !~ '^(22|23|45)' AND state NOT IN ('54000', '54001', 'P0001', ${quoteLiteral(LEFT_OUT)}) THEN RAISE; END IF;
        END;
        IF size > 1 THEN
          size := size / 2;
          CONTINUE;
        END IF;
        culprit := NULL;
        IF state ~ '^(22|54001)' THEN
          FOR i IN 1 .. cardinality(types) LOOP
            CONTINUE WHEN types[i] = 'text';
            BEGIN
              EXECUTE format('SELECT fields[%s]::%s FROM ${BATCH} WHERE row_no = $1', i, types[i]) USING next;
            EXCEPTION WHEN OTHERS THEN
              culprit := i;
              EXIT;
            END;
          END LOOP;
        END IF;
        UPDATE ${BATCH} SET code = state, refused_column = culprit WHERE row_no = next;
        next := next + 1;
      END LOOP;
    END $do$`;
}
