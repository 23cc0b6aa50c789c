import { createWriteStream } from 'node:fs';
import path from 'node:path';
import type { TaskKey } from '../src/client/client.js';
import type { Task } from '../src/contract/task.js';
import { compareCsv } from './compare-csv.js';
import { awaitNoLeftovers } from './leftovers.js';
import { compareRows, copyRows, hashRows } from './rows.js';
import { untilClosed } from './steering.js';
import { heldInDatabase, TaskWatch } from './task-watch.js';
import type { Workspace } from './workspace.js';

/** The file that is loaded. */
export interface Expected {
  file: string;
  rows: number;
  bytes: number;
  sha256: string;
}

/** What an undisturbed load made of it. */
export interface Reference {
  table: string;
  /** Of its rows in the order of the file. */
  sha256: string;
}

/**
 * Loads the file undisturbed and proves that load by the file itself: the table in the order of its rows equals the
 * file value by value.
 * @throws Error naming the first difference
 */
export async function readReference(
  workspace: Pick<Workspace, 'folder' | 'client' | 'db' | 'temporal'>,
  { file }: Expected,
  name = 'reference',
): Promise<Reference> {
  const key: TaskKey = { kind: 'upload', user_id: 'verify', task_name: name };
  await workspace.client.upload(key, file);
  const { table } = await workspace.client.waitFor(key, ['completed']);
  await untilClosed(workspace, key);
  const exported = path.join(workspace.folder, `${name}.csv`);
  await copyRows(workspace.db, table as string, createWriteStream(exported));
  const { equal, firstDifference } = await compareCsv(file, exported);
  if (!equal) throw new Error(`even an undisturbed load differs from the file: ${JSON.stringify(firstDifference)}`);
  return { table: table as string, sha256: await hashRows(workspace.db, table as string) };
}

export interface Question {
  workspace: Workspace;
  key: TaskKey;
  expected: Expected;
  reference: Reference;
  /** How the task's workflow ended, as Temporal describes it. */
  workflow: string;
}

/** Checks a finished load in the API, PostgreSQL and the file store, and drops its table. Lists the violations. */
export async function findViolations({ workspace, key, expected, reference, workflow }: Question): Promise<string[]> {
  const { client, db, service } = workspace;
  const task = await client.progress(key);
  const snapshot = await new TaskWatch(db, key).look();
  const violations: string[] = [];
  const expect = (what: string, holds: boolean) => {
    if (!holds) violations.push(what);
  };
  expect(
    `the API says ${task.state}, the task row ${snapshot.state}, Temporal ${workflow}`,
    agree(task.state, snapshot.state, workflow),
  );
  expect(`the receipt does not balance: ${JSON.stringify(task.receipt)}`, balances(task, expected));
  if (task.table) violations.push(...(await compareRows(db, task.table, reference)));
  const held = await heldInDatabase(db, snapshot.lockKey);
  expect(`${held.sessions} sessions and ${held.locks} locks are left`, held.sessions + held.locks === 0);
  const left = await awaitNoLeftovers(db, service.filesDir, LEFTOVERS_MS);
  expect(`left behind: ${left.join(', ')}`, left.length === 0);
  if (task.table) await db.query(`DROP TABLE ${task.table}`);
  return violations;
}

/** The service's own short transactions may be seen at the first look. */
const LEFTOVERS_MS = 1_000;

function agree(api: string, row: string, workflow: string): boolean {
  return api === 'completed' && row === 'completed' && workflow === 'COMPLETED';
}

/** Whether the receipt says that the whole file was loaded. */
export function balances({ receipt }: Task, { rows, bytes, sha256 }: Expected): boolean {
  if (!receipt) return false;
  const counts =
    [receipt.rows_in_file, receipt.rows_loaded].every((count) => count === rows) && receipt.rows_rejected === 0;
  return counts && receipt.bytes === bytes && receipt.sha256 === sha256;
}
