import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** A cancel that comes between two statements is lost, so it is repeated. */
const CANCEL_EVERY_MS = 100;
/** The timeout of one cancel, in case the server has fallen silent. */
const CANCEL_MS = 2_000;

/** Runs statements that take long outside of the fence, and has PostgreSQL cancel them when the signal fires. */
export async function cancellable<T>(
  pool: pg.Pool,
  client: pg.ClientBase & { processID?: number | null },
  signal: AbortSignal,
  body: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let isRunning = true;
  let cancelling = Promise.resolve();
  const cancel = async () => {
    while (isRunning) {
      const query = { text: 'SELECT pg_cancel_backend($1)', values: [client.processID], query_timeout: CANCEL_MS };
      await pool.query(query).catch(() => {});
      await sleep(CANCEL_EVERY_MS);
    }
  };
  const onAbort = () => {
    cancelling = cancel();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await body();
  } finally {
    isRunning = false;
    signal.removeEventListener('abort', onAbort);
    await cancelling;
  }
}
