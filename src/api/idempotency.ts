import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { invalidRequest } from '../contract/errors.js';

/** The key of a start request that may be sent again, and the hash of its content. */
export interface Idempotency {
  key: string;
  hash: string;
}

/**
 * Reads the header `Idempotency-Key`. The hash covers the fields of the body, in any order, and the bytes of the file.
 * @throws {TaskError} invalid_request
 */
export function readIdempotency(request: FastifyRequest, body: object, fileSha256?: string): Idempotency | undefined {
  const key = idempotencyKey(request);
  if (key === undefined) return undefined;
  const hash = createHash('sha256')
    .update(canonical(body))
    .update('\n')
    .update(fileSha256 ?? '')
    .digest('hex');
  return { key, hash };
}

/** The header as it is, or undefined without one. */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw invalidRequest([{ field: 'Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters' }]);
}

/** JSON with the fields of every object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    const isObject = typeof part === 'object' && part !== null && !Array.isArray(part);
    return isObject ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part;
  });
}
