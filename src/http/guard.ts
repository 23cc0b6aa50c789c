import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  allowedOrigins,
  allowOrigin,
  answerPreflight,
  assertSameSite,
  GUARD_HEADERS,
  isPreflight,
} from './cross-origin-guard.js';
import { allowedHosts, assertHost } from './host-guard.js';
import { pathOf } from './problem.js';

/**
 * Checks a request before anything else of the API sees it.
 * @throws {TaskError} host_not_allowed, cross_site_request
 */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

/** The settings that say by which names, and from which pages, the API may be called. */
export interface GuardConfig {
  HOST?: string;
  ALLOWED_HOSTS?: string;
  ALLOWED_ORIGINS?: string;
}

/** Makes the guard of an API: who may call it by which name, and from which pages. */
export function createGuard(config: GuardConfig): Guard {
  const hosts = allowedHosts(config);
  const origins = allowedOrigins(config);
  return (request, reply) => {
    const sent = { method: request.method, path: pathOf(request.raw.url ?? ''), headers: request.headers };
    reply.headers(GUARD_HEADERS);
    assertHost({ url: request.raw.url ?? '', rawHeaders: request.raw.rawHeaders }, hosts);
    assertSameSite(sent, origins);
    allowOrigin(reply, sent, origins);
    return isPreflight(sent, origins) ? answerPreflight(reply, sent) : undefined;
  };
}

/** Puts the guard before all other hooks and routes, those that answer 404 too. */
export function registerGuard(app: FastifyInstance, guard: Guard): void {
  app.addHook('onRequest', async (request, reply) => guard(request, reply));
}
