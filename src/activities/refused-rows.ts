import type { Dialect } from '../csv/dialect.js';
import type { ColumnEvidence } from '../csv/evidence.js';
import { explainRefusal, givenType } from '../csv/given-types.js';
import { type RecordPlace, recordsAt } from '../csv/record-at.js';
import type { EncodeResult, RefusedRecord } from '../csv/record-encoder.js';
import { type ColumnCheck, type RefusedValue, readValues } from '../csv/value-check.js';
import { readForm } from '../csv/value-form.js';
import { readerOfForm, readerOfFound, readerOfType } from '../csv/value-reader.js';
import { GIVEN, hintsFor } from '../intake/choose-columns.js';
import { SQLSTATE } from '../postgres/sqlstate.js';
import { LEFT_OUT, type RefusedRow } from '../tables/insert-rows.js';
import type { Reject } from '../tasks/rejects.js';
import { asUpload, type Column, type TaskRow, type UploadRow } from '../tasks/tasks.js';
import { columnAtFault, describeMalformed } from './malformed-rows.js';
import { textDialect } from './source.js';

/** Max rows that one batch rejects: their texts are held in memory until they are stored. */
export const MAX_REFUSED = 5_000;

/** Max characters of a value that a reject shows. */
const VALUE_CHARACTERS = 200;

/** An encoded batch, with the bytes of the file that it was read from and their place. */
export interface Batch extends EncodeResult {
  bytes: Buffer;
  byteOffset: number;
  firstRow: number;
}

/** A batch without the rows that cannot be loaded, and these as rejects in the order of their numbers. */
export interface CheckedBatch extends Batch {
  rejects: Reject[];
}

/** Finds the rows of a part that cannot be loaded and describes them as rejects. */
export class RowChecker {
  readonly #columns: Column[];
  readonly #headers: string[];
  readonly #dialect: Dialect;
  readonly #checks: ColumnCheck[];

  /**
   * @param evidence of the part; without it every column whose type was given is checked
   * @param isNew inspect has not seen the rows, as it has those of the file: every column with a type is checked
   */
  constructor(task: TaskRow, evidence: unknown, isNew = false) {
    this.#columns = task.columns!;
    this.#headers = this.#columns.map(({ original }) => original);
    const upload = asUpload(task);
    this.#dialect = textDialect(task);
    this.#checks = isNew ? allChecksOf(upload) : checksOf(upload, evidence as ColumnEvidence[] | undefined);
  }

  /**
   * Removes rows with a value that is not accepted from `out`, which holds the encoded batch. May shorten the batch.
   */
  check(batch: Batch, out: Buffer): CheckedBatch {
    const malformed = batch.refused.map((record) => this.#malformed(record, batch));
    if (this.#checks.length === 0) return { ...batch, rejects: malformed };
    const { refused, stoppedAt, ...left } = readValues(out, batch.written, this.#checks, MAX_REFUSED);
    const places = this.#placesOf(batch, refused);
    const values = refused.map((fault, i) => this.#misspelt(fault, places[i]!, batch));
    const rejects = [...malformed, ...values].sort((a, b) => a.row - b.row);
    if (stoppedAt === null) return { ...batch, ...left, rejects };
    return {
      ...batch,
      ...left,
      rows: stoppedAt - batch.firstRow + 1,
      consumed: places.at(-1)!.next,
      rejects: rejects.filter(({ row }) => row <= stoppedAt),
    };
  }

  /** Describes rows that PostgreSQL refused. */
  describe(batch: Batch, refused: RefusedRow[]): Reject[] {
    const places = this.#placesOf(batch, refused);
    return refused.map(({ row, code, column: index, value }, i) => {
      const column = index === null ? undefined : this.#columns[index];
      return {
        row,
        column: column?.original ?? null,
        value,
        code: column ? 'refused_value' : 'refused_row',
        reason: column ? `PostgreSQL refuses the value as ${column.type}` : describeRefusal(code),
        ...textAt(batch, places[i]!),
      };
    });
  }

  #placesOf({ bytes, firstRow }: Batch, refused: { row: number }[]): RecordPlace[] {
    if (refused.length === 0) return [];
    const before = refused.map(({ row }) => row - firstRow);
    return recordsAt(bytes, this.#dialect, this.#headers.length, before);
  }

  #misspelt({ row, column: index, value }: RefusedValue, place: RecordPlace, batch: Batch): Reject {
    const { original, type } = this.#columns[index]!;
    const reason = explainRefusal(type, value);
    const shown = value.slice(0, VALUE_CHARACTERS);
    return { row, column: original, value: shown, code: 'invalid_value', reason, ...textAt(batch, place) };
  }

  /** Describes a malformed row that inspect has not kept, as it does only the first thousand of a part. */
  #malformed({ row, offset, length, reason, column, found }: RefusedRecord, batch: Batch): Reject {
    return {
      row,
      column: columnAtFault({ reason, found, column }, this.#headers),
      value: null,
      code: reason,
      reason: describeMalformed({ reason, found }, this.#headers.length),
      ...textAt(batch, { start: offset, end: offset + length }),
    };
  }
}

/**
 * The columns whose values PostgreSQL would read otherwise or refuse: those that have a form, and those whose type was
 * given unless inspect has proved that all values are accepted.
 */
function checksOf({ options, columns }: UploadRow, evidence: ColumnEvidence[] | undefined): ColumnCheck[] {
  const byName = Array.isArray(options.columns) ? {} : (options.columns ?? {});
  return columns!.flatMap(({ original, type: name, form, evidence: why }, column) => {
    const type = why === GIVEN || Object.hasOwn(byName, original) ? givenType(name) : undefined;
    const formed = form === undefined ? undefined : readerOfForm(form);
    if (!type) return formed ? [{ column, ...formed }] : [];
    const found = evidence?.[column] && (evidence[column].steps.at(-1)?.type ?? 'none');
    const isProven = found && type.provenBy.includes(found);
    return isProven ? [] : [{ column, read: readerOfType(name, hintsFor(form, options)) }];
  });
}

/** The columns that are not text. A value must be one of which inspect would have found the type and the form. */
function allChecksOf(upload: UploadRow): ColumnCheck[] {
  const given = new Map(checksOf(upload, undefined).map((check) => [check.column, check]));
  return upload.columns!.flatMap(({ type, form }, column): ColumnCheck[] => {
    const read = form === undefined ? readerOfFound(type) : (text: string) => readForm(form, text);
    const check = given.get(column) ?? (read && { column, read });
    return check ? [check] : [];
  });
}

function textAt(
  { bytes, byteOffset }: Batch,
  { start, end }: Pick<RecordPlace, 'start' | 'end'>,
): Pick<Reject, 'byteOffset' | 'raw'> {
  return { byteOffset: byteOffset + start, raw: Buffer.from(bytes.subarray(start, end)) };
}

/** Returns the reason in words of our own, since PostgreSQL's message names internal tables. */
function describeRefusal(code: string): string {
  if (code === SQLSTATE.program_limit_exceeded)
    return 'the row is too big: PostgreSQL needs it to fit into a page of 8 kB';
  if (code.startsWith('23')) return 'the row breaks a constraint of the table';
  if (code === LEFT_OUT) return 'a trigger or a rule of the table leaves the row out';
  if (code === SQLSTATE.raise_exception || code.startsWith('45')) return 'a trigger of the table refuses the row';
  return `PostgreSQL refuses the row (SQLSTATE ${code})`;
}
