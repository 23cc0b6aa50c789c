import type { FastifyInstance } from 'fastify';
import { UsageQuery } from '../contract/operator-requests.js';
import { STATES } from '../contract/states.js';
import { sumUsage } from '../tables/usage.js';
import type { ApiContext } from './context.js';
import { operation } from './openapi.js';

/** GET /usage */
export function usageRoutes(app: FastifyInstance, { tablePool, config }: ApiContext): void {
  app.get<{ Querystring: UsageQuery }>('/usage', { schema: USAGE }, async ({ query }) => {
    const { sources, results, tables, staging, tasks } = await sumUsage(tablePool, query.user_id);
    return {
      user_id: query.user_id ?? null,
      bytes_stored: sources.bytes + results.bytes,
      sources,
      results,
      tables,
      staging_tables: staging,
      tasks: Object.fromEntries(STATES.map((state) => [state, tasks[state] ?? 0])),
      limits: limitsOf(config),
    };
  });
}

const USAGE = operation('usage', {
  tag: 'Service',
  summary: 'Sum what is stored, of one user or of all',
  querystring: UsageQuery,
  answers: { 200: 'Usage' },
});

/** Null where there is no such limit. */
function limitsOf({ MAX_UPLOAD_BYTES, RETENTION_DAYS }: ApiContext['config']) {
  return {
    max_upload_bytes: MAX_UPLOAD_BYTES,
    retention_days: RETENTION_DAYS === 0 ? null : RETENTION_DAYS,
    max_running_tasks: null,
    max_stored_bytes: null,
    max_requests_per_minute: null,
  };
}
