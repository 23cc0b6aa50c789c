import type { Problem } from '../contract/answers.js';

/** An answer other than the expected one: the problem document, or a `detail` made of the text that came instead. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
    /** Seconds after which to try again, of the header `Retry-After`. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${problem.code ?? ''}: ${problem.detail ?? JSON.stringify(problem)}`);
  }
}

/** Makes the error of an answer from its body. */
export function apiErrorOf(status: number, body: string, retryAfter: string | null | undefined): ApiError {
  return new ApiError(status, problemOf(body), retryAfter ? Number(retryAfter) : undefined);
}

/** A proxy in front of the API answers with pages of its own. */
function problemOf(body: string): Partial<Problem> {
  try {
    const problem: unknown = JSON.parse(body);
    if (typeof problem === 'object' && problem !== null) return problem;
  } catch {}
  return { detail: body.slice(0, LONGEST_DETAIL) };
}

const LONGEST_DETAIL = 200;
