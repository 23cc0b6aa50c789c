import type { FastifyInstance } from 'fastify';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { operation } from './openapi.js';

const METRICS = operation('metrics', {
  tag: 'Service',
  summary: 'Read what Prometheus collects',
  answers: { 200: 'text/plain' },
});

/** GET /metrics: for Prometheus. */
export function metricsRoute(app: FastifyInstance, { scrape, contentType, requests }: ApiMetrics): void {
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    // An address without a route has no pattern: all of them are one series.
    const labels = { method, route: routeOptions.url ?? 'none', status: reply.statusCode };
    requests.observe(labels, reply.elapsedTime / 1000);
  });
  app.get('/metrics', { schema: METRICS }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(contentType)
      .send(await scrape()),
  );
}
