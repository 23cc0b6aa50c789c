import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { TaskError } from '../contract/errors.js';

/** How long a client that was refused may continue to send. */
const LINGER_MS = 10_000;

/**
 * Receives the body of a request, whose sender gets the answer even when it is refused in the middle.
 * @throws {TaskError} what `receive` throws; invalid_request when the client went away
 */
export async function receiveBody<T>(request: FastifyRequest, receive: () => Promise<T>): Promise<T> {
  try {
    return await receive();
  } catch (error) {
    const { raw } = request;
    discardRest(raw);
    if (!raw.destroyed || raw.complete) throw error;
    request.log.info('client disconnected during the upload; nothing was stored');
    throw new TaskError('invalid_request', 'The body ends too early. Nothing was stored.', {}, { cause: error });
  }
}

/**
 * Reads what a refused client still sends into nothing, for a while: closing at once would reset the connection, and
 * the answer would be lost on the way (RFC 9112, 9.6).
 */
function discardRest(raw: IncomingMessage): void {
  if (raw.destroyed || raw.complete) return;
  raw.unpipe();
  raw.resume();
  const timer = setTimeout(() => {
    if (!raw.complete) raw.destroy(); // And its connection.
  }, LINGER_MS);
  timer.unref();
  raw.once('close', () => clearTimeout(timer));
}
