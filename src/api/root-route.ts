import type { FastifyInstance } from 'fastify';
import { operation } from './openapi.js';

/** The addresses that a newcomer needs first. */
const LINKS = {
  tasks: '/tasks',
  usage: '/usage',
  live: '/health/live',
  ready: '/health/ready',
  docs: '/docs',
  openapi: '/openapi.json',
};

const ROOT = operation('root', { tag: 'Service', summary: 'Say what answers here', answers: { 200: 'Root' } });

/** GET /: says what answers here, and where to continue. */
export function rootRoute(app: FastifyInstance): void {
  app.get('/', { schema: ROOT }, () => ({
    service: 'Long-Task',
    start: ['POST /upload/start', 'POST /download/start'],
    links: LINKS,
  }));
}
