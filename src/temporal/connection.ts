import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from '../config.js';
import { TaskError } from '../contract/errors.js';

/** How long a call may take, and how long `close` waits for calls. */
export const CALL_MS = 3_000;

/**
 * The gRPC status of a busy server, which is not retried: the SDK would wait at least 1.7 s under any deadline. A
 * concurrent query gets it too.
 */
export const RESOURCE_EXHAUSTED = 8;

/** The longest pause between attempts: with deadlines of a few seconds a longer one would only delay `close`. */
const RETRY_MS = 500;

/** A lazy connection: it is made by the first call and heals by itself. Each call ends within its deadline. */
export class TemporalConnection {
  readonly #connection: Connection;
  readonly #client: Client;
  readonly #underway = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor({
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
  }: Pick<Config, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE'>) {
    // TLS, API key and metadata come from the SDK's own variables and file.
    const { connectionOptions } = loadClientConnectConfig();
    // Never `ensureConnected()` on a lazy connection: its first failure is kept for ever.
    this.#connection = Connection.lazy({
      ...(connectionOptions as object),
      address,
      interceptors: [makeGrpcRetryInterceptor(retryOptions(() => this.#isClosing))],
    });
    this.#client = new Client({ connection: this.#connection, namespace });
  }

  /** @throws {TaskError} temporal_unavailable at the deadline; else what the SDK throws */
  call<T>(ms: number, body: (client: Client) => Promise<T>): Promise<T> {
    return within(ms, () => {
      const calling = this.#connection.withDeadline(Date.now() + ms, () => body(this.#client));
      this.#underway.add(calling);
      return calling.finally(() => this.#underway.delete(calling));
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    // On a closed connection the SDK's next attempt of a call would throw from a timer, where it cannot be caught.
    await Promise.race([Promise.allSettled(this.#underway), sleep(CALL_MS, undefined, { ref: false })]);
    await this.#connection.close();
  }
}

function retryOptions(isClosing: () => boolean) {
  const usual = defaultGrpcRetryOptions();
  const delayFunction: typeof usual.delayFunction = (attempt, status) =>
    Math.min(usual.delayFunction(attempt, status), RETRY_MS);
  const retryableDecider: typeof usual.retryableDecider = (attempt, status) =>
    !isClosing() && status.code !== RESOURCE_EXHAUSTED && usual.retryableDecider(attempt, status);
  return { delayFunction, retryableDecider };
}

/** The SDK's deadline does not cover the pauses between its attempts; this one covers all. */
async function within<T>(ms: number, body: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable()), ms + 50);
  });
  return Promise.race([body(), late]).finally(() => clearTimeout(timer));
}

/** Returns the error of a call that did not reach Temporal. */
export function unavailable(cause?: unknown): TaskError {
  return new TaskError('temporal_unavailable', 'Temporal cannot be reached.', { retry_after: 2 }, { cause });
}
