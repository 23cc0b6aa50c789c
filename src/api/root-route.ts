import type { FastifyInstance } from 'fastify';

/** The addresses that a newcomer needs first. */
const LINKS = {
  tasks: '/tasks',
  usage: '/usage',
  live: '/health/live',
  ready: '/health/ready',
};

/** GET /: says what answers here, and where to continue. */
export function rootRoute(app: FastifyInstance): void {
  app.get('/', () => ({ service: 'Long-Task', start: ['POST /upload/start', 'POST /download/start'], links: LINKS }));
}
