import type { Kind, State } from '../contract/states.js';

/** Which tasks are meant. Times are ISO 8601 with their offsets. */
export interface TaskFilter {
  userId?: string;
  kind?: Kind;
  states?: State[];
  /** A text in the task's name or in that of its table, in any case. */
  q?: string;
  createdAfter?: string;
  createdBefore?: string;
  finishedBefore?: string;
  /** Tasks that have given up their names, instead of those that have them. */
  history?: boolean;
}

/** The conditions of a statement over `long_task.tasks`, with the values of their parameters. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  constructor({ userId, kind, states, q, createdAfter, createdBefore, finishedBefore, history = false }: TaskFilter) {
    this.#texts.push(`superseded_at IS ${history ? 'NOT NULL' : 'NULL'}`);
    if (userId !== undefined) this.add(`user_id = ${this.value(userId)}`);
    if (kind !== undefined) this.add(`kind = ${this.value(kind)}`);
    if (states !== undefined) this.add(`state = ANY (${this.value(states)}::text[])`);
    if (createdAfter !== undefined) this.add(`created_at > ${this.value(createdAfter)}::timestamptz`);
    if (createdBefore !== undefined) this.add(`created_at < ${this.value(createdBefore)}::timestamptz`);
    if (finishedBefore !== undefined) this.add(`finished_at < ${this.value(finishedBefore)}::timestamptz`);
    // Normalised as the column is (migrations). Compares by position, so that % and _ are literal.
    if (q !== undefined) this.add(`strpos(search, lower(replace(${this.value(q)}, '"', ''))) > 0`);
  }

  /** Adds a parameter; returns its place. */
  value(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  add(condition: string): void {
    this.#texts.push(condition);
  }

  toString(): string {
    return this.#texts.join(' AND ');
  }
}
