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
}

export function emptyEvidence(): ColumnEvidence {
  return { values: 0, nulls: 0, steps: [] };
}

/** The narrowest type that gives every value back as it was written; text for a column of NULLs only. */
export function columnType(evidence: ColumnEvidence): ColumnType {
  return evidence.steps.at(-1)?.type ?? 'text';
}

/** Evidence of `a` followed by `b`. Associative. */
export function mergeEvidence(a: ColumnEvidence, b: ColumnEvidence): ColumnEvidence {
  const steps = [...a.steps];
  for (const step of b.steps) {
    const before = codeOf(steps.at(-1)?.type);
    const after = joinTypes(before, codeOf(step.type));
    if (after !== before) steps.push({ ...step, type: TYPES[after] as ColumnType });
  }
  return { values: a.values + b.values, nulls: a.nulls + b.nulls, steps };
}

/** One sentence for a receipt, such as `text: 12 values, no NULLs; row 5 holds "007", which integer would alter.` */
export function describeEvidence(evidence: ColumnEvidence): string {
  const { values, nulls, steps } = evidence;
  const counts = `${count(values, 'value')}, ${nulls === 0 ? 'no NULLs' : count(nulls, 'NULL')}`;
  const last = steps.at(-1);
  if (!last) return `text: ${counts}; there is no value to tell a type from.`;
  const before = steps.at(-2);
  const holds = `row ${last.row} holds ${JSON.stringify(last.value)}`;
  if (before) return `${last.type}: ${counts}; ${holds}, which ${before.type} ${rulesOut(last.type)}.`;
  return last.type === 'text'
    ? `text: ${counts}; ${holds}, which no narrower type gives back unchanged.`
    : `${last.type}: ${counts}; every value is written as ${last.type} writes it.`;
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
