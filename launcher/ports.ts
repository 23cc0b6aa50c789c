import { randomInt } from 'node:crypto';
import net from 'node:net';

const lastPort = 65_535;

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) use for outgoing connections. Those could occupy a
 * port that a restart needs again.
 */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
const TRIES = 100;
const given = new Set<number>();

/**
 * Returns a TCP port without a listener at `host`, a different one each time. It is free now; another program may take
 * it before it is used.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port) || !(await canListen(port, host))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`there is no free port on ${host} between ${FIRST_PORT} and ${LAST_PORT}`);
}

function canListen(port: number, host: string): Promise<boolean> {
  return listen(port, host).then(
    (server) => close(server).then(() => true),
    () => false,
  );
}

/**
 * Resolves when `port` can be listened on at `host`.
 * @throws Error of one line that names `variable`, the environment variable by which the port can be changed.
 */
export async function assertPortFree(port: number, host: string, variable: string): Promise<void> {
  try {
    await close(await listen(port, host));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code})`;
    const example = port < lastPort ? `, for example ${variable}=${port + 1}` : '';
    throw new Error(`port ${port} on ${host} ${reason}: set ${variable} to another one${example}`, { cause: error });
  }
}

/** Resolves true when something accepts TCP connections at `host:port` within `timeoutMs`, false otherwise. */
export function canConnect(port: number, host: string, timeoutMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

function listen(port: number, host: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

function close(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
