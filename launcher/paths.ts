import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder with package.json, whether this file runs from `launcher/` (tests) or from `dist/launcher/` (everything
 * else).
 */
export const projectRoot = findRoot(import.meta.dirname);

/** An absolute path below the project's root. */
export function inProject(...names: string[]): string {
  return path.join(projectRoot, ...names);
}

function findRoot(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : findRoot(path.dirname(folder));
}
