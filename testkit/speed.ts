import { rm } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import type { TaskKey, TaskName } from '../src/client/client.js';
import { findPeer, type Peer } from './peer.js';
import { untilIdle } from './steering.js';
import { TaskWatch } from './task-watch.js';
import type { Workspace } from './workspace.js';

/** Seconds of one transport of the same rows, ours and the peer's. */
export interface Speed {
  /** What the receipt says about it. */
  phases: Record<string, number>;
  /** From the start request (file included, for an upload) to `completed`. */
  service: number;
  peer: number;
}

export interface SpeedRound {
  upload: Speed;
  download: Speed;
}

/**
 * Measures one round: upload, then the peer's load of the same file into a table of the same columns and types,
 * download, then the peer's export of that table. Each begins after a checkpoint, on a server that does nothing else.
 * Leaves nothing.
 */
export async function measureSpeed(workspace: Workspace, file: string, round: number): Promise<SpeedRound> {
  const { db, folder, service } = workspace;
  const peer = findPeer(service.databaseUrl);
  const name = { user_id: 'speed', task_name: `round ${round}` };
  const exported = path.join(folder, 'peer.csv');
  try {
    const upload = await timed(workspace, () => runToCompleted(workspace, { kind: 'upload', ...name }, file));
    await createPeerTable(db, name);
    const peerIn = await timed(workspace, () => peer.copyIn(PEER_TABLE, file));
    const download = await timed(workspace, () => runToCompleted(workspace, { kind: 'download', ...name }));
    const peerOut = await timed(workspace, () => peer.copyOut(PEER_TABLE, exported));
    return {
      upload: { service: upload, peer: peerIn, phases: await phasesOf(db, { kind: 'upload', ...name }) },
      download: { service: download, peer: peerOut, phases: await phasesOf(db, { kind: 'download', ...name }) },
    };
  } finally {
    await rm(exported, { force: true });
    await dropTables(db, name);
  }
}

/** The peer that the service is compared with on this machine. */
export function peerOf({ service }: Workspace): Peer {
  return findPeer(service.databaseUrl);
}

/** Where the peer loads to. */
export const PEER_TABLE = 'public.peer';

/** Waits until the service does nothing else, and has PostgreSQL write what it holds. */
export async function settle(workspace: Workspace): Promise<void> {
  await untilIdle(workspace);
  await workspace.db.query('CHECKPOINT');
}

async function timed(workspace: Workspace, work: () => Promise<void>): Promise<number> {
  await settle(workspace);
  return secondsOf(work);
}

/** Seconds that `work` takes. */
export async function secondsOf(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Starts a task and waits for its end. */
export async function runToCompleted({ client, db }: Workspace, key: TaskKey, file?: string): Promise<void> {
  if (file) await client.upload(key, file);
  else await client.download(key);
  await new TaskWatch(db, key, LOOK_EVERY_MS).untilState('completed');
}

/** Rarely enough not to take processor time from what is measured. */
const LOOK_EVERY_MS = 20;

/** Makes a table of the columns of an upload, without its row number. */
// By name and type, and not LIKE the table less its row number: a dropped column costs something in every row.
export async function createPeerTable(db: pg.Pool, name: TaskName): Promise<void> {
  const table = await tableOf(db, name);
  const { rows } = await db.query(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND attname <> '_row'`,
    [table],
  );
  await db.query(`CREATE TABLE ${PEER_TABLE} AS SELECT ${rows[0].columns} FROM ${table} WITH NO DATA`);
}

/** Seconds of a task by phase, as its receipt says. */
export async function phasesOf(db: pg.Pool, { kind, user_id, task_name }: TaskKey): Promise<Record<string, number>> {
  const { rows } = await db.query(
    `SELECT receipt->'seconds' AS seconds FROM long_task.tasks WHERE kind = $1 AND user_id = $2 AND task_name = $3`,
    [kind, user_id, task_name],
  );
  return rows[0]?.seconds ?? {};
}

/** Drops the tables of an upload and of the peer. */
export async function dropTables(db: pg.Pool, name: TaskName): Promise<void> {
  const table = await tableOf(db, name);
  await db.query(`DROP TABLE IF EXISTS ${[PEER_TABLE, table].filter(Boolean).join(', ')}`);
}

/** The table of an upload. */
export async function tableOf(db: pg.Pool, name: TaskName): Promise<string | undefined> {
  const { rows } = await db.query(
    `SELECT table_name FROM long_task.tasks WHERE kind = 'upload' AND user_id = $1 AND task_name = $2`,
    [name.user_id, name.task_name],
  );
  return rows[0]?.table_name ?? undefined;
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
