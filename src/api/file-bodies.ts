import type { FastifyInstance } from 'fastify';
import { FORMS } from './openapi.js';

/** The media types of a request that may hold a file, as the OpenAPI document lists them. */
export const FILE_BODIES = ['multipart/form-data', 'text/csv', ...FORMS];

/** The media types of a body that is the file itself. */
const FILE_TYPES = ['text/csv', 'application/csv'];

/** Gives the routes of a scope the body that is a file, as a stream. */
export function acceptFileBodies(scope: FastifyInstance): void {
  scope.addContentTypeParser(FILE_TYPES, (_request, body, done) => done(null, body));
}
