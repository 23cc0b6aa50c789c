import { isIP } from 'node:net';
import { TaskError } from '../contract/errors.js';

/** What a request says about the host it is meant for. */
export interface Target {
  /** The request target as it was sent: mostly a path, an absolute URL from a client that takes us for a proxy. */
  url: string;
  /** Names and values by turns, as they were sent: Node's `headers` keeps the first of several Hosts only. */
  rawHeaders: string[];
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A name or an address, the port is ignored (RFC 9110, 7.2). What is no host at all does not match. */
const HOST = /^(\[[\da-f:.]+\]|[^\s:/?#@\\[\],]+)(?::\d{0,5})?$/i;

/** The names under which the API may be called: those of loopback, `HOST` itself, and those in ALLOWED_HOSTS. */
export function allowedHosts({ HOST: own = '', ALLOWED_HOSTS = '' }: { HOST?: string; ALLOWED_HOSTS?: string }) {
  const listed = ALLOWED_HOSTS.split(',').map((name) => name.trim());
  // An address to listen on everywhere is none to go to, though browsers do.
  const names = ['0.0.0.0', '::'].includes(own) ? listed : [isIP(own) === 6 ? `[${own}]` : own, ...listed];
  return new Set([...LOOPBACK, ...names.map(hostnameOf).filter((name) => name !== null)]);
}

/**
 * Refuses a request that was sent to another name than ours. A page whose own name leads to this machine (DNS rebinding) is of the
 * same origin for its browser, but it cannot choose what its browser writes into Host.
 * @throws {TaskError} host_not_allowed
 */
export function assertHost({ url, rawHeaders }: Target, allowed: ReadonlySet<string>): void {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host');
  const hostname = hosts.length === 1 ? hostnameOf(hosts[0]!) : null;
  if (hostname !== null && allowed.has(hostname) && isOwnTarget(url, hosts[0]!)) return;
  throw new TaskError('host_not_allowed', detailOf(hosts));
}

/** The host in lower case, without port and root dot, an IPv6 address in its shortest form; null when it is none. */
export function hostnameOf(host: string): string | null {
  const name = HOST.exec(host)?.[1]?.toLowerCase();
  if (!name) return null;
  if (!name.startsWith('[')) return name.replace(/\.$/, '');
  return isIP(name.slice(1, -1)) === 6 ? new URL(`http://${name}`).hostname : null;
}

/** A path, or `*`, or an absolute URL with the very authority that Host names (RFC 9112, 3.2.2). */
function isOwnTarget(url: string, host: string): boolean {
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return authority === undefined ? /^[/*]/.test(url) : authority.toLowerCase() === host.toLowerCase();
}

function detailOf(hosts: string[]): string {
  if (hosts.length !== 1) return 'The request must name its host in one Host header.';
  const shown = JSON.stringify(hosts[0]!.slice(0, 100));
  return `The API does not answer to the host ${shown}. Call it by 127.0.0.1, or add the name to ALLOWED_HOSTS.`;
}
