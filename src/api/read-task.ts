import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Task, TaskWithEvents } from '../contract/task.js';
import { getSnapshotById } from '../tasks/task-snapshots.js';
import type { TaskKey, TaskRow } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { withResult } from './lost-result.js';
import { etagOf, toTask } from './task-view.js';

/** A task as it is now, with the validator of this view. @throws {TaskError} task_not_found */
export async function readTask(
  { snapshots, store }: ApiContext,
  key: TaskKey,
): Promise<{ task: TaskWithEvents; etag: string }> {
  const { snapshot: found, events } = await snapshots.read(key);
  const snapshot = await withResult(store, found);
  return { task: { ...toTask(snapshot), task_events: events }, etag: etagOf(snapshot, events) };
}

/** Answers 200 with the task, or 304 when the caller has it as it is (RFC 9110, 13.1.2). */
export async function sendTask(
  context: ApiContext,
  key: TaskKey,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { task, etag } = await readTask(context, key);
  reply.header('etag', etag).header('cache-control', 'no-cache');
  const isKnown = request.method !== 'POST' && matches(request.headers['if-none-match'], etag);
  return isKnown ? reply.code(304).send() : reply.send(task);
}

/** Weak comparison of a list of validators with one. */
export function matches(header: string | undefined, etag: string): boolean {
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return (
    header !== undefined && (header.trim() === '*' || header.split(',').some((tag) => opaque(tag) === opaque(etag)))
  );
}

/** The view of a task that was just made or commanded; its workflow is not asked, so that the answer is quick. */
export async function viewOf({ pool, store }: ApiContext, row: TaskRow): Promise<Task> {
  return toTask(await withResult(store, await getSnapshotById(pool, row.id)));
}

/** Where a task is found; one that has given up its name, in the history. */
export function locationOf(row: TaskRow): string {
  if (row.superseded_at) return `/tasks?history=true&kind=${row.kind}&user_id=${encodeURIComponent(row.user_id)}`;
  return `/tasks/${row.kind}/${encodeURIComponent(row.task_name)}?user_id=${encodeURIComponent(row.user_id)}`;
}
