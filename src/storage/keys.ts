import { randomUUID } from 'node:crypto';

/** Where in the file store the sources of uploads are. */
export const SOURCES = 'uploads/';

/** Returns the key of a new source file. */
export function newSourceKey(): string {
  return `${SOURCES}${randomUUID()}`;
}

/** Where in the file store the results of downloads are: a folder per task. */
export const RESULTS = 'results/';

/** The folder of a download: its part objects and its result. */
export function resultPrefix(taskId: string): string {
  return `${RESULTS}${taskId}/`;
}

/** Returns the key of an object of a part: each attempt of the part has one of its own. */
export function partKey(taskId: string, partNo: number, token: string): string {
  return `${resultPrefix(taskId)}part-${partNo}-${token}`;
}

/** Returns the key of the result of a download. */
export function resultKey(taskId: string, token: string): string {
  return `${resultPrefix(taskId)}result-${token}`;
}
