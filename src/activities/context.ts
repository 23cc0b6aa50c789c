import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type pg from 'pg';
import type { Logger } from 'pino';
import { TaskError } from '../contract/errors.js';
import { type Fault, toFault } from '../contract/fault.js';
import { describePlace, placeOf } from '../contract/fault-place.js';
import type { RunRef } from '../contract/messages.js';
import type { TaskFault } from '../contract/task.js';
import type { CsvEngine } from '../csv/engine.js';
import type { Scanner } from '../intake/scan-part.js';
import type { Converter } from '../intake/thread-converter.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import { meaningOf } from '../postgres/sqlstate.js';
import type { Store } from '../storage/store.js';
import { faultTask } from '../tasks/commands.js';
import { FencedError } from '../tasks/fence.js';
import type { BufferPool } from './buffer-pool.js';
import type { FenceWatch } from './fence-watch.js';
import { isDue } from './heartbeat.js';
import type { Permits } from './permits.js';
import type { RateLimiter } from './rate-limiter.js';
import { type Slots, SlotsFullError } from './slots.js';

/** What every activity is given when the worker is built. */
export interface Dependencies {
  pool: pg.Pool;
  /** Its sessions can do nothing but read what may be exported. */
  exportPool: pg.Pool;
  /** Connections of the control steps alone: work can't take them all. */
  controlPool: pg.Pool;
  store: Store;
  log: Logger;
  metrics: WorkerMetrics;
  rateLimiter: RateLimiter;
  buffers: BufferPool;
  scanner: Scanner;
  converter: Converter;
  /** For the steps that work: how many do so at once, and how many may wait here for that. */
  permits: Permits;
  slots: Slots;
  fences: FenceWatch;
  /**
   * Limits rollback and tidy, which may wait for locks and remove large files, so that connections remain for the other
   * control steps.
   */
  removals: Permits;
  csv: CsvEngine;
}

/** Wraps the result of an activity, or says that it was fenced: a command or another attempt took over. */
export type Fenceable<T> = ({ fenced: false } & T) | { fenced: true };

/** Heartbeats go out at most this often (worker option); a cancel is seen with the answer. */
export const HEARTBEAT_MS = 200;

/**
 * For work that checks the fence by itself many times a second: each heartbeat costs the server a millisecond or two.
 */
export const SLOW_HEARTBEAT_MS = 1_000;

export interface PerformOptions {
  heartbeatMs?: number;
  /**
   * True for a step that settles, records or rolls back: it is retried after any error, since no other step can replace
   * it.
   */
  isControl?: boolean;
  /** Records a fault with the task. Resolves to false when a command came first. */
  recordFault?: (fault: Fault) => Promise<boolean>;
}

export const CONTROL: PerformOptions = { isControl: true };

/** How far an attempt has come with a part, for people: the activity keeps it, the heartbeats carry it. */
export interface Beat {
  part?: number;
  rows?: number;
  bytes?: number;
  /** Where the next batch begins in the file. */
  offset?: number;
}

/** Runs a step of a task as `perform` does, and records a fault with the task first: its texts stay out of Temporal. */
export function performStep<T extends object>(
  { controlPool, log }: Pick<Dependencies, 'controlPool' | 'log'>,
  { taskId, epoch }: RunRef,
  work: (signal: AbortSignal, beat: Beat) => Promise<T>,
  options: Pick<PerformOptions, 'heartbeatMs'> = {},
): Promise<Fenceable<T>> {
  return perform(log, work, { ...options, recordFault: (fault) => faultTask(controlPool, taskId, epoch, fault) });
}

/**
 * Runs the work of an activity with heartbeats and the signal that ends it, and maps its errors for the workflow:
 * - cancelled → CancelledFailure
 * - fenced → `{ fenced: true }`
 * - bad input → a failure with code and place that is not retried
 * - any other error → a failure that is retried without a limit
 *
 * No failure holds content of the file.
 */
export async function perform<T extends object>(
  log: Logger,
  work: (signal: AbortSignal, beat: Beat) => Promise<T>,
  options: PerformOptions = {},
): Promise<Fenceable<T>> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  const beat: Beat = {};
  // A local activity has none: its timeout is short.
  const isBeating = !context.info.isLocal;
  const heart = setInterval(
    () => isBeating && isDue(context) && context.heartbeat(beat),
    options.heartbeatMs ?? HEARTBEAT_MS,
  );
  if (isBeating) context.heartbeat(beat);
  try {
    return { fenced: false, ...(await work(signal, beat)) };
  } catch (error) {
    // First of all: an AbortError while natively paused would be misreported as a cancel, and the server refuses that.
    signal.throwIfAborted();
    const activity = context.info.activityType;
    try {
      return await answer(
        error,
        log.child({ activity, workflow: context.info.workflowExecution?.workflowId }),
        options,
      );
    } catch (failure) {
      throw failure instanceof ApplicationFailure ? failure : retryable(failure, log, activity);
    }
  } finally {
    clearInterval(heart);
  }
}

/**
 * Turns an error into the activity's answer.
 * @throws {ApplicationFailure} of a fault, not retried; every other error as it is, to be retried
 */
async function answer(
  error: unknown,
  log: Logger,
  { isControl, recordFault }: PerformOptions,
): Promise<{ fenced: true }> {
  if (error instanceof FencedError) return fenced(log, error.message);
  if (error instanceof SlotsFullError) throw comeAgain(error);
  const fault = isControl ? asRefusedControl(error) : (asFault(error) ?? asRefusal(error));
  if (!fault) throw error;
  // If the worker is killed right after this, the retry finds its epoch over.
  if (recordFault && fault.code !== 'task_not_found' && !(await recordFault(fault)))
    return fenced(log, 'a command came before the fault');
  const place = placeOf(fault);
  log[fault.code === 'database_refused' ? 'error' : 'info']({ ...place, err: error }, 'hit a fault');
  throw ApplicationFailure.create({
    type: fault.code,
    message: describePlace(place),
    nonRetryable: true,
    details: [{ ...place, recorded: recordFault !== undefined && fault.code !== 'task_not_found' }],
  });
}

/** Has the server retry the activity later, without an event in the history. Until then it occupies no slot. */
function comeAgain({ message, retryMs }: SlotsFullError): ApplicationFailure {
  const category = ApplicationFailureCategory.BENIGN; // Not a warning in the log.
  return ApplicationFailure.create({ type: 'slots_full', message, nextRetryDelay: retryMs, category });
}

function fenced(log: Logger, reason: string): { fenced: true } {
  log.info({ reason }, 'fenced');
  return { fenced: true };
}

/** Only the kind of error goes into Temporal's history: a message of PostgreSQL may quote the data. */
function retryable(error: unknown, log: Logger, activity: string): ApplicationFailure {
  log.warn({ activity, err: error }, 'activity failed; Temporal will retry it');
  const { code } = error as { code?: string };
  return ApplicationFailure.create({
    type: 'retryable',
    message: `${activity} failed${code ? ` (${code})` : ''}; see the log`,
  });
}

/** Returns the fault of a control step that no retry can fix, such as a missing task. A full disk is retried. */
function asRefusedControl(error: unknown): TaskFault | null {
  return error instanceof TaskError && !error.retryable && error.code !== 'disk_full' ? asFault(error) : null;
}

/** Returns the fault of a statement that every retry would fail. Leaves out PostgreSQL's message: it may quote data. */
function asRefusal(error: unknown): TaskFault | null {
  if (!['refused', 'bad_value'].includes(meaningOf(error))) return null;
  const { code } = error as { code?: string };
  return {
    code: 'database_refused',
    detail:
      `PostgreSQL refused a statement (SQLSTATE ${code}). Query the table with psql to see the whole message, ` +
      'fix the cause and start again.',
  };
}

/** Returns the fault that an error means for the task, or null when the step must be retried. */
function asFault(error: unknown): Fault | null {
  if (error instanceof TaskError && (!error.retryable || error.code === 'disk_full')) return toFault(error);
  if (meaningOf(error) === 'disk_full' || (error as { code?: string }).code === 'ENOSPC') {
    return { code: 'disk_full', detail: 'There is no space left on the disk. Make room, then resume the task.' };
  }
  if (meaningOf(error) === 'target_changed') {
    return {
      code: 'target_changed',
      detail: 'Another session dropped or altered a table of the task.',
    };
  }
  return null;
}
