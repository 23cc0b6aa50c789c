import type pg from 'pg';
import type { Sort } from '../contract/operator-requests.js';
import { Conditions, type TaskFilter } from './task-filter.js';
import { type SnapshotRow, snapshotsOf, type TaskSnapshot, toSnapshot } from './task-snapshots.js';

/** The columns by which tasks are sorted; each has an index. */
const ORDERS = {
  created: { column: 'created_at', type: 'timestamptz' },
  updated: { column: 'updated_at', type: 'timestamptz' },
  finished: { column: 'finish_order', type: 'timestamptz' },
  name: { column: 'task_name COLLATE "C"', type: 'text' },
} as const;
type Order = keyof typeof ORDERS;

/** A place in a sorted list: after the task with this value and, among equal values, with this lock key. */
export interface ListPlace {
  value: string;
  lockKey: number;
}

export interface ListPage {
  sort: Sort;
  limit: number;
  after?: ListPlace;
}

/** Whether a text can be the value of a place in this sort. */
export function isSortValue(sort: Sort, value: string): boolean {
  return isTime(sort) ? /^(infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00)$/.test(value) : value !== '';
}

function isTime(sort: Sort): boolean {
  return orderOf(sort).type === 'timestamptz';
}

function orderOf(sort: Sort): (typeof ORDERS)[Order] {
  return ORDERS[sort.replace('-', '') as Order];
}

/**
 * Lists a page of tasks. It starts after the end of the previous page, even when tasks were added or deleted meanwhile.
 * No task appears twice, and none is missed unless its place in this sort has changed.
 * @returns the tasks, and the place for the next page; null at the end
 */
export async function listTasks(
  pool: pg.Pool,
  filter: TaskFilter,
  { sort, limit, after }: ListPage,
): Promise<{ snapshots: TaskSnapshot[]; next: ListPlace | null }> {
  const { column, type } = orderOf(sort);
  const [direction, compare] = sort.startsWith('-') ? ['DESC', '<'] : ['ASC', '>'];
  const where = new Conditions(filter);
  if (after) {
    where.add(
      `(${column}, lock_key) ${compare} (${where.value(after.value)}::${type}, ${where.value(after.lockKey)}::int)`,
    );
  }
  const order = `${column} ${direction}, lock_key ${direction}`;
  // The innermost query reads only an index; the rows of the page are fetched after its LIMIT.
  const page = `(
    SELECT whole.*, page.sort_value FROM (
      SELECT lock_key AS key, (${column})::text AS sort_value FROM long_task.tasks
       WHERE ${where} ORDER BY ${order} LIMIT ${where.value(limit + 1)}) page
      JOIN long_task.tasks whole ON whole.lock_key = page.key)`;
  const { rows } = await pool.query<Listed>(`${snapshotsOf(page)} ORDER BY ${order}`, where.values);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    snapshots: shown.map(({ sort_value, ...row }) => toSnapshot(row)),
    next: last ? { value: last.sort_value, lockKey: last.lock_key } : null,
  };
}

type Listed = SnapshotRow & { sort_value: string };
