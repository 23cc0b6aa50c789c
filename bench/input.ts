import type { Workspace } from '../testkit/workspace.js';

/** What every measurement is given: a running service that does nothing else, and a file. */
export interface BenchInput {
  workspace: Workspace;
  file: string;
  rows: number;
  bytes: number;
}
