import type { FastifyInstance } from 'fastify';
import { TaskError } from '../contract/errors.js';
import { pathOf } from './problem.js';

/** Answers what no route takes: 405 with `Allow` where another method is (RFC 9110, 15.5.6), 404 elsewhere. */
export function registerNotFound(app: FastifyInstance): void {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const methods = new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods));
    if (methods.size === 0) throw new TaskError('not_found', 'No such endpoint.');
    const allowed = [...methods].sort().join(', ');
    reply.header('allow', allowed);
    throw new TaskError('method_not_allowed', `This endpoint supports only ${allowed}.`);
  });
}

function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replace(/:\w+/g, '[^/]+').replace(/\/$/, '')}/?$`);
}
