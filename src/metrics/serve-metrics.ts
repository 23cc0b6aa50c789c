import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { allowedHosts, assertHost } from '../http/host-guard.js';

const LOOPBACK = '127.0.0.1';
/** The SDK's exporter is a part of this process. */
const SDK_MS = 1_000;
const HOSTS = allowedHosts({});

export interface MetricsServer {
  close(): Promise<void>;
}

/**
 * Serves `/metrics` of a worker on loopback: its own and, appended, those of the Temporal SDK.
 * @param sdkAddress `host:port` on which the SDK's exporter listens
 * @throws Error when the port cannot be listened on
 */
export async function serveMetrics(registry: Registry, port: number, sdkAddress: string): Promise<MetricsServer> {
  const server = http.createServer((request, response) => {
    void answer(registry, sdkAddress, request, response).catch(() => response.destroy());
  });
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  return {
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  registry: Registry,
  sdkAddress: string,
  { method, url = '', rawHeaders }: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const status = statusOf(method, url, rawHeaders);
  response.setHeader('cache-control', 'no-store');
  if (status !== 200) return void response.writeHead(status).end();
  const [own, sdk] = await Promise.all([registry.metrics(), metricsOfSdk(sdkAddress)]);
  response.writeHead(200, { 'content-type': registry.contentType }).end(`${own}\n${sdk}`);
}

/** A page that leads its own name to loopback cannot choose the Host. */
function statusOf(method: string | undefined, url: string, rawHeaders: string[]): number {
  try {
    assertHost({ url, rawHeaders }, HOSTS);
  } catch {
    return 421;
  }
  if (url.split('?')[0] !== '/metrics') return 404;
  return method === 'GET' || method === 'HEAD' ? 200 : 405;
}

/** Empty while the SDK's exporter does not answer: the worker's own are worth having alone. */
async function metricsOfSdk(address: string): Promise<string> {
  const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(SDK_MS) }).catch(() => null);
  return answer?.ok ? answer.text() : '';
}

/** Finds a port of loopback that is free now: the SDK does not tell which one it would take. */
export async function freeLoopbackAddress(): Promise<string> {
  const server = http.createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${LOOPBACK}:${port}`;
}
