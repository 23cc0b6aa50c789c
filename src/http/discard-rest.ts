import type { IncomingMessage } from 'node:http';

/** How long a client that was refused may continue to send. */
const LINGER_MS = 10_000;

/**
 * Reads what a refused client still sends into nothing, for a while: closing at once would reset the connection, and
 * the answer would be lost on the way (RFC 9112, 9.6).
 */
export function discardRest(raw: IncomingMessage): void {
  if (raw.destroyed || raw.complete) return;
  raw.unpipe();
  raw.resume();
  const timer = setTimeout(() => {
    if (!raw.complete) raw.socket.destroy();
  }, LINGER_MS);
  timer.unref();
  raw.once('close', () => clearTimeout(timer));
}
