import { isIP } from 'node:net';
import { TaskError } from '../contract/errors.js';

/** The parts of a request that name its host. */
export interface Target {
  /** The request target as it was sent: a path, or an absolute URL from a client that expects a proxy. */
  url: string;
  /** Names and values in turn, as they were sent: Node's `headers` keeps only the first of several Hosts. */
  rawHeaders: string[];
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A name or an address, with a port that is ignored (RFC 9110, 7.2). */
const HOST = /^(\[[\da-f:.]+\]|[^\s:/?#@\\[\],]+)(?::\d{0,5})?$/i;

/** Returns the names under which the API may be called: those of loopback, `HOST` and ALLOWED_HOSTS. */
export function allowedHosts({ HOST: own = '', ALLOWED_HOSTS = '' }: { HOST?: string; ALLOWED_HOSTS?: string }) {
  const listed = ALLOWED_HOSTS.split(',').map((name) => name.trim());
  // An unspecified address is for listening; browsers connect to it all the same, so it stays out.
  const names = ['0.0.0.0', '::'].includes(own) ? listed : [isIP(own) === 6 ? `[${own}]` : own, ...listed];
  return new Set([...LOOPBACK, ...names.map(hostnameOf).filter((name) => name !== null)]);
}

/**
 * Refuses a request to a name that is not the API's own. A page whose own name leads to this machine (DNS
 * rebinding) counts as same-origin for its browser, but it cannot choose what the browser writes into Host.
 * @throws {TaskError} host_not_allowed
 */
export function assertHost({ url, rawHeaders }: Target, allowed: ReadonlySet<string>): void {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host');
  const hostname = hosts.length === 1 ? hostnameOf(hosts[0]!) : null;
  if (hostname !== null && allowed.has(hostname) && isOwnTarget(url, hosts[0]!)) return;
  throw new TaskError('host_not_allowed', detailOf(hosts));
}

/** Returns the host in lower case, without port and root dot, an IPv6 address in its shortest form; null for none. */
export function hostnameOf(host: string): string | null {
  const name = HOST.exec(host)?.[1]?.toLowerCase();
  if (!name) return null;
  if (!name.startsWith('[')) return name.replace(/\.$/, '');
  return isIP(name.slice(1, -1)) === 6 ? new URL(`http://${name}`).hostname : null;
}

/** Accepts a path, `*`, or an absolute URL with the authority that Host names (RFC 9112, 3.2.2). */
function isOwnTarget(url: string, host: string): boolean {
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return authority === undefined ? /^[/*]/.test(url) : authority.toLowerCase() === host.toLowerCase();
}

function detailOf(hosts: string[]): string {
  if (hosts.length !== 1) return 'The request must name its host in one Host header.';
  const shown = JSON.stringify(hosts[0]!.slice(0, 100));
  return `The API does not answer to the host ${shown}. Call it by 127.0.0.1, or add the name to ALLOWED_HOSTS.`;
}
