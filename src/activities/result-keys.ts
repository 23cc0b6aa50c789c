import { resultPrefix } from '../storage/keys.js';

/** Names in the file store of what a download makes. Each attempt of a part has an object of its own. */
export function partKey(taskId: string, partNo: number, token: string): string {
  return `${resultPrefix(taskId)}part-${partNo}-${token}`;
}

export function resultKey(taskId: string, token: string): string {
  return `${resultPrefix(taskId)}result-${token}`;
}
