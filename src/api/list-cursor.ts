import { createHash } from 'node:crypto';
import { invalidRequest } from '../contract/errors.js';
import type { Sort } from '../contract/operator-requests.js';
import type { TaskFilter } from '../tasks/task-filter.js';
import { isSortValue, type ListPlace } from '../tasks/task-list.js';

/** What is listed, and in which order: a cursor is good for the very same list. */
export interface ListOf {
  filter: TaskFilter;
  sort: Sort;
}

/** Writes a place in a list as an opaque text. */
export function writeCursor(list: ListOf, { value, lockKey }: ListPlace): string {
  return Buffer.from(JSON.stringify([digestOf(list), value, lockKey])).toString('base64url');
}

/** @throws {TaskError} invalid_request when it is none, or that of another list */
export function readCursor(list: ListOf, cursor: string): ListPlace {
  const read = parse(cursor);
  if (!read) throw badCursor(cursor, 'must be the "next" of the page before');
  if (read.digest !== digestOf(list)) {
    throw badCursor(
      cursor,
      'belongs to a list with another sort or other filters; begin without it, or send the same ones',
    );
  }
  if (!isSortValue(list.sort, read.value)) throw badCursor(cursor, 'must be the "next" of the page before');
  return { value: read.value, lockKey: read.lockKey };
}

function parse(cursor: string): (ListPlace & { digest: string }) | null {
  try {
    const [digest, value, lockKey] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const isPlace = typeof value === 'string' && Number.isInteger(lockKey) && lockKey > 0 && lockKey < 2 ** 31;
    return isPlace ? { digest, value, lockKey } : null;
  } catch {
    return null;
  }
}

function digestOf({ filter, sort }: ListOf): string {
  const states = filter.states?.toSorted();
  const parts = { ...filter, states, history: filter.history ?? false };
  const text = JSON.stringify([
    sort,
    Object.entries(parts)
      .filter(([, value]) => value !== undefined)
      .sort(),
  ]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}

function badCursor(value: string, detail: string) {
  return invalidRequest([{ field: 'after', value: value.slice(0, 100), detail }]);
}
