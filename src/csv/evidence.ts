import { chooseForm, type FormedType, type FormHints, type FormName, typeOfForm } from './value-form.js';
import { joinTypes, TYPES, type TypeCode } from './value-type.js';

export type ColumnType = 'integer' | 'bigint' | 'numeric' | 'date' | 'timestamp' | 'uuid' | 'text';

/** A value that changed what the column can be: `type` is the column's type from this row on. */
export interface EvidenceStep {
  type: ColumnType;
  /** Row of the value in the file, from 1. */
  row: number;
  /** The value, at most 80 characters of it. */
  value: string;
}

/**
 * What all values of a column together allow. Plain JSON. The steps (at most five) are the whole evidence: the first
 * value and each one that widened the type after it, so that two segments merge into exactly what one pass over both
 * would give.
 */
export interface ColumnEvidence {
  /** Values in well-formed records, NULLs left out. */
  values: number;
  /** Unquoted empty fields in well-formed records. */
  nulls: number;
  steps: EvidenceStep[];
  /** Forms that all values share, in addition to PostgreSQL's own; absent without a value. */
  forms?: FormName[];
}

export function emptyEvidence(): ColumnEvidence {
  return { values: 0, nulls: 0, steps: [] };
}

/** The type of a column, and the form of its values where PostgreSQL writes them otherwise. */
export interface FoundType {
  type: ColumnType | FormedType;
  form?: FormName;
}

/** Returns the narrowest type that gives every value back as it was written; text for a column of NULLs only. */
export function findType(evidence: ColumnEvidence, hints?: FormHints): FoundType {
  const type = evidence.steps.at(-1)?.type ?? 'text';
  const { form } = type === 'text' ? chooseForm(evidence.forms ?? [], hints) : {};
  return form === undefined ? { type } : { type: typeOfForm(form), form };
}

/** Returns the type alone. */
export function columnType(evidence: ColumnEvidence): FoundType['type'] {
  return findType(evidence).type;
}

/** Evidence of `a` followed by `b`. Associative. */
export function mergeEvidence(a: ColumnEvidence, b: ColumnEvidence): ColumnEvidence {
  const steps = [...a.steps];
  for (const step of b.steps) {
    const before = codeOf(steps.at(-1)?.type);
    const after = joinTypes(before, codeOf(step.type));
    if (after !== before) steps.push({ ...step, type: TYPES[after] as ColumnType });
  }
  const forms = mergeForms(a, b);
  return { values: a.values + b.values, nulls: a.nulls + b.nulls, steps, ...(forms && { forms }) };
}

/** A column with values and without forms was inspected by an earlier version. */
function mergeForms(a: ColumnEvidence, b: ColumnEvidence): FormName[] | undefined {
  if (a.steps.length === 0) return b.forms;
  if (b.steps.length === 0) return a.forms;
  return (a.forms ?? []).filter((form) => b.forms?.includes(form));
}

/** One sentence for a receipt, such as `text: 12 values, no NULLs; row 5 holds "007", which integer would alter.` */
export function describeEvidence(evidence: ColumnEvidence, hints?: FormHints): string {
  const { values, nulls, steps } = evidence;
  const counts = `${count(values, 'value')}, ${nulls === 0 ? 'no NULLs' : count(nulls, 'NULL')}`;
  const last = steps.at(-1);
  if (!last) return `text: ${counts}; there is no value to tell a type from.`;
  const { type, form } = findType(evidence, hints);
  if (form !== undefined) return `${type}: ${counts}; every value is written as ${form}.`;
  const { readings } = last.type === 'text' ? chooseForm(evidence.forms ?? [], hints) : {};
  if (readings) return `text: ${counts}; ${describeReadings(readings)}.`;
  const before = steps.at(-2);
  const holds = `row ${last.row} holds ${JSON.stringify(last.value)}`;
  if (before) return `${last.type}: ${counts}; ${holds}, which ${before.type} ${rulesOut(last.type)}.`;
  return last.type === 'text'
    ? `text: ${counts}; ${holds}, which no narrower type gives back unchanged.`
    : `${last.type}: ${counts}; every value is written as ${last.type} writes it.`;
}

/** Why the values alone do not decide, and which field of a request does. */
function describeReadings(readings: FormName[]): string {
  const field = typeOfForm(readings[0]!) === 'numeric' ? 'decimal_comma' : 'date_order';
  return `every value can be read as ${readings.join(' and as ')}, so give ${field}`;
}

function rulesOut(after: ColumnType): string {
  return after === 'text' ? 'would refuse or alter' : 'cannot hold';
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

function codeOf(type: ColumnType | undefined): TypeCode {
  return (type === undefined ? 0 : TYPES.indexOf(type)) as TypeCode;
}
