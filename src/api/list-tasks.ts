import type { ListQuery } from '../contract/operator-requests.js';
import type { Task } from '../contract/task.js';
import { listTasks } from '../tasks/task-list.js';
import type { ApiContext } from './context.js';
import { readCursor, writeCursor } from './list-cursor.js';
import { withResult } from './lost-result.js';
import { readFilter } from './task-filter.js';
import { toTask } from './task-view.js';

const PAGE = 50;

/** A page of tasks as GET /tasks asks for it. @throws {TaskError} invalid_request */
export async function listPage(
  { pool, store }: ApiContext,
  { history, sort = '-created', limit = PAGE, after, ...criteria }: ListQuery,
): Promise<{ tasks: Task[]; next: string | null }> {
  const list = { filter: { ...readFilter(criteria), history }, sort };
  const place = after === undefined ? undefined : readCursor(list, after);
  const { snapshots, next } = await listTasks(pool, list.filter, { sort, limit, after: place });
  const shown = await Promise.all(snapshots.map((snapshot) => withResult(store, snapshot)));
  return { tasks: shown.map((snapshot) => toTask(snapshot)), next: next && writeCursor(list, next) };
}
