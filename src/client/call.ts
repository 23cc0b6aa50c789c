import { apiErrorOf } from './api-error.js';

/** A request without a file. */
export interface Call {
  method?: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Fields that are undefined are left out. */
  query?: object;
  body?: object;
  headers?: Record<string, string>;
  /** A status other than 2xx that is an answer, not an error. */
  accept?: number;
}

/**
 * Sends a request to the API and returns its answer, the body unread.
 * @throws {ApiError} when the answer is neither 2xx nor the accepted status
 */
export async function call(api: string, path: string, request: Call = {}): Promise<Response> {
  const { method = request.body ? 'POST' : 'GET', query = {}, body, headers, accept } = request;
  const url = new URL(path, api);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.ok || response.status === accept) return response;
  throw apiErrorOf(response.status, await response.text(), response.headers.get('retry-after'));
}

/** Sends a request and returns the JSON of the answer. @throws {ApiError} as `call` */
export async function callJson<T>(api: string, path: string, request?: Call): Promise<T> {
  return (await (await call(api, path, request)).json()) as T;
}
