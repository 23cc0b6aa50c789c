import { DefaultLogger, type Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../log.js';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Passes what the SDK and the workflows log on to our log, with what says which task it was about. */
export function temporalLogger(log: Logger): TemporalLogger {
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    const { workflowId, activityType, attempt, error, ...rest } = meta ?? {};
    const details = {
      workflow: workflowId,
      activity: activityType,
      attempt,
      ...(error ? { err: brief(error) } : {}),
      ...(rest.name ? { name: rest.name } : {}),
    };
    log[LEVELS[level]](details, message);
  });
}

function brief(error: unknown): { message: string; stack?: string } {
  return { message: (error as Error).message, stack: (error as Error).stack };
}
