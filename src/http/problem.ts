import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../contract/answers.js';
import { ERRORS, type ErrorCode, TaskError } from '../contract/errors.js';
import { hasState, isUnavailable, meaningOf } from '../postgres/sqlstate.js';
import { GUARD_HEADERS } from './cross-origin-guard.js';

/** Seconds after which a client may repeat a request that hit an outage. */
const RETRY_AFTER = 2;

/** Answers an error. Logs what the caller must not see; the caller gets a general message. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const fault = asTaskError(error);
  if (fault.status >= 500) request.log.error({ err: error, code: fault.code }, fault.detail);
  if (fault.extras.retry_after !== undefined) reply.header('retry-after', fault.extras.retry_after);
  return (
    reply
      .code(fault.status)
      .header('cache-control', 'no-store')
      .header('content-type', 'application/problem+json')
      // As bytes: of a text Fastify would add a charset, which this media type does not have.
      .send(Buffer.from(JSON.stringify(toProblem(fault, pathOf(request.url)))))
  );
}

const RAW_GUARD_HEADERS = Object.entries(GUARD_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

/** Answers bytes that are not HTTP (RFC 9112): there is no request yet, and no later byte can be trusted. */
export function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const isLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const detail = isLarge ? 'The headers of the request are too large.' : 'The request is not well-formed HTTP.';
  const body = JSON.stringify(toProblem(new TaskError('invalid_request', detail), ''));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\n${RAW_GUARD_HEADERS}Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

export function toProblem(fault: TaskError, instance: string): Problem {
  const { retry_after, ...extras } = fault.extras;
  const { status, title } = ERRORS[fault.code];
  return {
    type: `urn:long-task:problem:${fault.code}`,
    title,
    status,
    detail: fault.detail,
    code: fault.code,
    instance,
    ...extras,
  };
}

/** The address without its query, which may hold what belongs in no log and no error. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0]!.slice(0, 500);
}

/** Converts any error to one for the caller. */
export function asTaskError(error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  const { statusCode, code } = error as Partial<FastifyError>;
  if (code && FRAMEWORK[code]) return new TaskError(...FRAMEWORK[code], {}, { cause: error });
  if (isUnavailable(error)) {
    const detail =
      'PostgreSQL is unavailable. The request may or may not have taken effect. Check the task before you retry.';
    return new TaskError('database_unavailable', detail, { retry_after: RETRY_AFTER }, { cause: error });
  }
  if (hasState(error, 'lock_not_available')) {
    const detail = 'Another session has locked a table that the request needs. Nothing was changed; try again later.';
    return new TaskError('database_unavailable', detail, { retry_after: RETRY_AFTER }, { cause: error });
  }
  if (statusCode === 413)
    return new TaskError('file_too_large', 'The body or one of its parts is too large.', {}, { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new TaskError('invalid_request', 'The body does not match its Content-Type.', {}, { cause: error });
  }
  // A value that PostgreSQL cannot hold at all, and that no check before has named.
  if (meaningOf(error) === 'bad_value') {
    return new TaskError('invalid_request', 'The request holds a value that cannot be stored.', {}, { cause: error });
  }
  return new TaskError('internal_error', 'Unexpected error. See the log of the API.', {}, { cause: error });
}

/** Details for errors of Fastify and its multipart parser. */
const FRAMEWORK: Record<string, readonly [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'The body must be application/json or application/x-www-form-urlencoded; for /upload/start and /upload/preview also multipart/form-data, with the file in the part "file", or text/csv, with the file as the body.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_request', 'The body is empty; it must be a JSON object.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    'invalid_request',
    'The body is not valid JSON, or it uses a forbidden name (__proto__, constructor).',
  ],
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'file_too_large',
    'The body is too large. Send a file as multipart/form-data, in the part "file", or as text/csv, as the body.',
  ],
  FST_ERR_BAD_URL: ['invalid_request', 'The address is not properly percent-encoded.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'The address is too long.'],
  FST_PARTS_LIMIT: ['invalid_request', 'The form has too many parts.'],
  FST_FIELDS_LIMIT: ['invalid_request', 'The form has too many fields.'],
  FST_FILES_LIMIT: ['invalid_request', 'The form holds more than one file.'],
  FST_PROTO_VIOLATION: ['invalid_request', 'The form has a field of a forbidden name.'],
  FST_INVALID_JSON_FIELD_ERROR: ['invalid_request', 'A field of the form does not match its Content-Type, JSON.'],
  FST_MP_PREMATURE_CLOSE: ['invalid_request', 'The body ended before the form was complete. Nothing was stored.'],
};
