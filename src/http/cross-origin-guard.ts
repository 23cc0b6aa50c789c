import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import { TaskError } from '../contract/errors.js';

/** The parts of a request that name the page it comes from. */
export interface Sent {
  method: string;
  /** The path, without the query. */
  path: string;
  headers: IncomingHttpHeaders;
}

const SAFE = ['GET', 'HEAD', 'OPTIONS'];
/** Pages that a link of another site may lead to. */
const PAGES = ['/', '/docs', '/docs/'];

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const EXPOSED = 'Location, Retry-After, ETag, Content-Disposition, Content-Range';
const PREFLIGHT_SECONDS = '600';

/** Returns the origins of ALLOWED_ORIGINS, as a browser writes them. */
export function allowedOrigins({ ALLOWED_ORIGINS = '' }: { ALLOWED_ORIGINS?: string }): Set<string> {
  const origins = ALLOWED_ORIGINS.split(',').map((origin) => origin.trim());
  return new Set(origins.filter(Boolean).map((origin) => new URL(origin).origin));
}

/**
 * Refuses what a page of another site has its browser send. The rule for changes is that of Go's CrossOriginProtection:
 * programs without a browser send neither header and pass. CORS decides about reading, except what the browser itself
 * calls cross-site.
 * @throws {TaskError} cross_site_request
 */
export function assertSameSite(sent: Sent, origins: ReadonlySet<string>): void {
  const { origin, 'sec-fetch-site': site } = sent.headers;
  if (origin !== undefined && origins.has(origin)) return;
  const isAllowed = SAFE.includes(sent.method)
    ? site !== 'cross-site' || sent.method === 'OPTIONS' || isVisit(sent)
    : isOwnChange(sent.headers);
  if (isAllowed) return;
  throw new TaskError(
    'cross_site_request',
    'The request comes from a page of another site. ' +
      'Send it from the API’s own page or from a program, or add the origin of that page to ALLOWED_ORIGINS.',
  );
}

function isOwnChange({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === hostOf(host));
}

/** Returns the host as a browser writes it in an origin: in lower case, without the default port. */
function hostOf(host = ''): string | undefined {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : undefined;
}

/** Says whether a link to a page of ours was followed: the other site can read nothing of what the browser shows. */
function isVisit({ path, headers }: Sent): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } = headers;
  return mode === 'navigate' && dest === 'document' && PAGES.includes(path);
}

/** Headers of every answer, errors too: other sites can neither embed it nor have its type guessed. */
export const GUARD_HEADERS = {
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

/** Lets the page of an allowed origin read the answer; never any origin, and never with credentials. */
export function allowOrigin(reply: FastifyReply, { headers }: Sent, origins: ReadonlySet<string>): void {
  if (origins.size === 0) return;
  reply.header('vary', 'Origin');
  if (headers.origin === undefined || !origins.has(headers.origin)) return;
  reply.header('access-control-allow-origin', headers.origin).header('access-control-expose-headers', EXPOSED);
}

/** Says whether a browser asks if a page of an allowed origin may send a request. */
export function isPreflight({ method, headers }: Sent, origins: ReadonlySet<string>): boolean {
  const { origin, 'access-control-request-method': asked } = headers;
  return method === 'OPTIONS' && asked !== undefined && origin !== undefined && origins.has(origin);
}

/** Answers such a question. */
export function answerPreflight(reply: FastifyReply, { headers }: Sent): FastifyReply {
  const asked = headers['access-control-request-headers'];
  if (asked !== undefined) reply.header('access-control-allow-headers', asked);
  return reply
    .header('access-control-allow-methods', METHODS)
    .header('access-control-max-age', PREFLIGHT_SECONDS)
    .code(204)
    .send();
}
