import { DefaultLogger, type Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../log.js';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The worker of the queue for work has no workflows, and none has Nexus services: meant to be so. */
const OF_NO_INTEREST = /^No (workflows|Nexus services) registered/;

const FAILURE_LENGTH = 500;

/** Passes what the SDK and the workflows log on to our log, with what says which task it was about. */
export function temporalLogger(log: Logger): TemporalLogger {
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    if (OF_NO_INTEREST.test(message)) return;
    const { workflowId, activityType, attempt, error, name, failure, run_id } = meta ?? {};
    const details = {
      workflow: workflowId,
      activity: activityType,
      attempt,
      ...(error ? { err: brief(error) } : {}),
      ...(name ? { name } : {}),
      // Of a workflow task that failed, such as one whose history does not fit the code: TMPRL1100.
      ...(failure ? { run_id, failure: String(failure).slice(0, FAILURE_LENGTH) } : {}),
    };
    log[LEVELS[level]](details, message);
  });
}

function brief(error: unknown): { message: string; stack?: string } {
  return { message: (error as Error).message, stack: (error as Error).stack };
}
