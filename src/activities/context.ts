import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type pg from 'pg';
import type { Logger } from 'pino';
import { TaskError } from '../contract/errors.js';
import { toFault } from '../contract/fault.js';
import type { TaskFault } from '../contract/task.js';
import type { CsvEngine } from '../csv/engine.js';
import type { Scanner } from '../inspection/scan-part.js';
import { FencedError } from '../postgres/fence.js';
import { meaningOf } from '../postgres/sqlstate.js';
import type { Store } from '../storage/store.js';
import type { BufferPool } from './buffer-pool.js';
import type { Pacer } from './pacer.js';

/** What every activity is given when the worker is built. */
export interface Dependencies {
  pool: pg.Pool;
  store: Store;
  log: Logger;
  pacer: Pacer;
  buffers: BufferPool;
  scanner: Scanner;
  csv: CsvEngine;
}

/** What an activity says besides its result: a fenced one stopped because a command or another attempt took over. */
export type Fenceable<T> = ({ fenced: false } & T) | { fenced: true };

/** Heartbeats go out at most this often (worker option); a cancel is seen with the answer. */
export const HEARTBEAT_MS = 200;

/** For work that meets the fence by itself many times a second: each heartbeat costs the server a millisecond or two. */
export const SLOW_HEARTBEAT_MS = 1_000;

export interface PerformOptions {
  heartbeatMs?: number;
  /** Settles, records or rolls back: whatever is in its way, it is tried again, since nothing else could take its place. */
  isControl?: boolean;
}

export const CONTROL: PerformOptions = { isControl: true };

/**
 * Runs the work of an activity: heartbeats while it runs, hands it the signal that ends it, and turns what it throws into
 * what the workflow understands. Cancelled → CancelledFailure; fenced → `{ fenced: true }`; bad input → a failure that is not
 * retried, with the fault in its details; all else is tried again without a limit. No failure carries a row's content.
 */
export async function perform<T extends object>(
  log: Logger,
  work: (signal: AbortSignal) => Promise<T>,
  { heartbeatMs = HEARTBEAT_MS, isControl = false }: PerformOptions = {},
): Promise<Fenceable<T>> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  const heart = setInterval(() => context.heartbeat(), heartbeatMs);
  context.heartbeat();
  try {
    return { fenced: false, ...(await work(signal)) };
  } catch (error) {
    // First of all: an AbortError while natively paused would be misreported as a cancel, and the server refuses that.
    signal.throwIfAborted();
    if (error instanceof FencedError) {
      log.info({ activity: context.info.activityType, reason: error.message }, 'fenced');
      return { fenced: true };
    }
    throw asFailure(error, log, context.info.activityType, isControl);
  } finally {
    clearInterval(heart);
  }
}

function asFailure(error: unknown, log: Logger, activity: string, isControl: boolean): Error {
  const fault = isControl ? asRefusedControl(error) : (asFault(error) ?? asRefusal(error));
  if (fault?.code === 'database_refused') log.error({ activity, err: error }, fault.detail);
  if (fault)
    return ApplicationFailure.create({ type: fault.code, message: fault.detail, nonRetryable: true, details: [fault] });
  const { code, message } = error as { code?: string; message?: string };
  log.warn({ activity, err: { code, message, stack: (error as Error).stack } }, 'activity failed, to be tried again');
  // Only the kind of error goes into Temporal's history: a message of PostgreSQL may quote the data.
  return ApplicationFailure.create({
    type: 'retryable',
    message: `${activity} met an error${code ? ` (${code})` : ''}; see the log`,
  });
}

/** Of a control step only what is wrong for good, as a task that is not there. A full disk is waited for. */
function asRefusedControl(error: unknown): TaskFault | null {
  return error instanceof TaskError && !error.retryable && error.code !== 'disk_full' ? asFault(error) : null;
}

/** What comes again however often it is tried. The message of PostgreSQL may quote the data, so it goes to the log alone. */
function asRefusal(error: unknown): TaskFault | null {
  if (!['refused', 'bad_value'].includes(meaningOf(error))) return null;
  const { code } = error as { code?: string };
  return {
    code: 'database_refused',
    detail: `PostgreSQL refuses to go on (SQLSTATE ${code}). The log of the worker says why; mend that and start again.`,
  };
}

/** The fault that an error means for the task, or null when it is to be tried again. */
function asFault(error: unknown): TaskFault | null {
  if (error instanceof TaskError && (!error.retryable || error.code === 'disk_full')) return toFault(error);
  if (meaningOf(error) === 'disk_full' || (error as { code?: string }).code === 'ENOSPC') {
    return { code: 'disk_full', detail: 'There is no space left on the disk. Make room, then resume the task.' };
  }
  if (meaningOf(error) === 'target_changed') {
    return {
      code: 'target_changed',
      detail: 'A table that the task works on was dropped or altered by somebody else.',
    };
  }
  return null;
}
