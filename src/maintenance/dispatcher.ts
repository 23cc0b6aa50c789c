import { setTimeout as sleep } from 'node:timers/promises';
import { TaskError } from '../contract/errors.js';
import { claimMessage, listMessages, type Message, releaseMessage } from '../tasks/outbox.js';
import { getTaskById, type TaskRow } from '../tasks/tasks.js';
import { dispatchAll } from '../temporal/dispatch.js';
import type { MaintenanceParts } from './maintenance-parts.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'temporal' | 'log'>;

const ROUND_MS = 1_000;

/**
 * Sends the messages of the outbox that their requests could not send, until the signal fires. Several dispatchers may
 * run: each claims a message of its own.
 */
export async function startDispatcher(parts: Parts, signal: AbortSignal): Promise<void> {
  let complained = false;
  while (!signal.aborted) {
    try {
      await dispatchOnce(parts, signal);
      complained = false;
    } catch (error) {
      // Once per outage, not once per second.
      if (!complained) parts.log.warn({ err: error }, 'dispatcher failed; retrying every second');
      complained = true;
    }
    await sleep(ROUND_MS, undefined, { signal }).catch(() => {});
  }
}

/**
 * Sends every message that is due.
 * @throws {TaskError} temporal_unavailable at the first message that hits it, since the others would too
 */
export async function dispatchOnce(parts: Parts, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const message = await claimMessage(parts.pool);
    if (!message) return;
    await dispatchClaimed(parts, message);
  }
}

async function dispatchClaimed(parts: Parts, message: Message): Promise<void> {
  const row = await findTask(parts, message);
  if (!row) return;
  const about = { task: row.workflow_id, message: message.kind, attempts: message.attempts };
  try {
    const messages = await listMessages(parts.pool, row);
    if (messages.some((one) => one.kind === 'command' && one.payload.action !== 'pause')) await unpause(parts, row);
    await dispatchAll(parts, row, messages);
    parts.log.info(about, 'message sent');
  } catch (error) {
    if (error instanceof TaskError) {
      await releaseMessage(parts.pool, message);
      throw error;
    }
    parts.log.warn({ ...about, err: error }, 'could not send message');
  }
}

/** Returns the message's task; undefined when it was deleted after the claim, and its messages with it. */
async function findTask({ pool }: Parts, message: Message): Promise<TaskRow | undefined> {
  return getTaskById(pool, message.task_id).catch((error: unknown) => {
    if (error instanceof TaskError && error.code === 'task_not_found') return undefined;
    throw error;
  });
}

/** Removes native pauses that the request could not remove. If Temporal refuses, the command is sent all the same. */
async function unpause({ temporal, log }: Parts, row: TaskRow): Promise<void> {
  await temporal.unpauseNatively(row).catch((error: unknown) => {
    if (error instanceof TaskError) throw error;
    log.warn({ err: error, task: row.workflow_id }, 'could not unpause natively');
  });
}
