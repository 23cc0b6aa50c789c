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
