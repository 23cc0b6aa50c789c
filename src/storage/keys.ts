/** Where in the file store the results of downloads are: a folder per task. */
export const RESULTS = 'results/';

/** The folder of a download: its part objects and its result. */
export function resultPrefix(taskId: string): string {
  return `${RESULTS}${taskId}/`;
}
