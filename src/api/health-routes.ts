import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { isServed } from '../tasks/workers.js';
import type { ApiContext } from './context.js';
import { operation } from './openapi.js';

const RETRY_AFTER = 2;
const CHECK_MS = 1_000;

/** GET /health/live: this process runs. GET /health/ready: what it needs answers, too. */
export function healthRoutes(app: FastifyInstance, { pool, temporal, isReady }: ApiContext): void {
  app.get('/health/live', { schema: LIVE }, () => ({ status: 'ok' }));

  app.get('/health/ready', { schema: READY }, async (_request, reply) => {
    const [postgres, workflows, worker] = await Promise.all([
      answers(() => pool.query('SELECT 1')).then((up) => (up && !isReady() ? 'preparing' : word(up))),
      answers(() => temporal.check()).then(word),
      answers(() => assertServed(pool)).then(word),
    ]);
    const ready = postgres === 'up' && workflows === 'up' && worker === 'up';
    if (!ready) reply.code(503).header('retry-after', RETRY_AFTER);
    return reply
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ok' : 'unavailable', postgres, temporal: workflows, worker });
  });
}

const LIVE = operation('live', { tag: 'Service', summary: 'Tell that this process runs', answers: { 200: 'Live' } });

const READY = operation('ready', {
  tag: 'Service',
  summary: 'Tell whether what the service needs answers, too',
  answers: { 200: 'Ready', 503: 'Ready' },
});

/** A worker that has frozen or has not been started. */
async function assertServed(pool: pg.Pool): Promise<void> {
  if (!(await isServed(pool))) throw new Error('no worker answers');
}

function word(up: boolean): 'up' | 'down' {
  return up ? 'up' : 'down';
}

async function answers(check: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, CHECK_MS, false);
  });
  const answer = check().then(
    () => true,
    () => false,
  );
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
