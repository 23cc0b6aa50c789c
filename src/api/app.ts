import formbody from '@fastify/formbody';
import multipart from '@fastify/multipart';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { FastifySerializerCompiler } from 'fastify/types/schema.js';
import { TaskError } from '../contract/errors.js';
import { typedFields } from '../http/form-fields.js';
import { createGuard, registerGuard } from '../http/guard.js';
import { registerNotFound } from '../http/not-found.js';
import { pathOf, refuseMalformed, sendProblem } from '../http/problem.js';
import { validatorCompiler } from '../http/validation.js';
import type { Logger } from '../log.js';
import { bulkRoutes } from './bulk-routes.js';
import { commandRoutes } from './command-routes.js';
import type { ApiContext } from './context.js';
import { deleteRoutes } from './delete-routes.js';
import { downloadRoutes } from './download-routes.js';
import { acceptFileBodies } from './file-bodies.js';
import { healthRoutes } from './health-routes.js';
import { metricsRoute } from './metrics-route.js';
import { registerOpenApi } from './openapi.js';
import { previewRoutes } from './preview-routes.js';
import { rejectsRoutes } from './rejects-routes.js';
import { rootRoute } from './root-route.js';
import { taskRoutes } from './task-routes.js';
import { uploadRoutes } from './upload-routes.js';
import { usageRoutes } from './usage-routes.js';

/** Room for a form with a type for each of 1,600 columns. */
const BODY_BYTES = 1 << 20;
const FORM_LIMITS = {
  fileSize: Number.MAX_SAFE_INTEGER,
  files: 4,
  fields: 40,
  parts: 44,
  fieldSize: BODY_BYTES,
  fieldNameSize: 100,
};
/** Headers come at once; a body may take hours, so only silence ends a connection. */
const HEADERS_MS = 30_000;
const SILENCE_MS = 5 * 60_000;

/**
 * Builds the REST API; nothing is started and nothing is listened on.
 * @param serializerCompiler of answers. The default adds nothing to what JSON costs; that of the tests checks each by
 *   its schema
 */
export async function buildApp(
  context: ApiContext,
  serializerCompiler: FastifySerializerCompiler<unknown> = () => JSON.stringify,
): Promise<FastifyInstance> {
  const guard = createGuard(context.config);
  const app = createServer(context.log, guard);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  app.removeContentTypeParser('text/plain');
  registerGuard(app, guard);
  registerNotFound(app);
  registerHooks(app, context);
  await app.register(formbody, { bodyLimit: BODY_BYTES });
  await registerOpenApi(app);
  await registerRoutes(app, context);
  return app;
}

function createServer(log: Logger, guard: ReturnType<typeof createGuard>): FastifyInstance {
  return Fastify({
    loggerInstance: log as FastifyBaseLogger,
    // One line per request, without the query: the hook below.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: 0,
    connectionTimeout: SILENCE_MS,
    // A download that is under way, or an upload, ends before the server does; a connection that waits does not hold it
    // up.
    forceCloseConnections: 'idle',
    // A request without a Host is refused by the guard, which says why.
    http: { headersTimeout: HEADERS_MS, requireHostHeader: false },
    // A task name of 128 characters takes up to 1,536 in a URL.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 },
    clientErrorHandler: refuseMalformed,
    // Of an address that no route can read: the hooks are not called for it.
    frameworkErrors: (error, request, reply) => {
      sendProblem(refusalOf(() => guard(request, reply)) ?? error, request, reply);
    },
  });
}

function refusalOf(check: () => unknown): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    return error;
  }
}

function registerHooks(app: FastifyInstance, { isReady, log }: ApiContext): void {
  app.addHook('onRequest', async (request) => {
    if (isReady() || request.url.startsWith('/health/') || pathOf(request.url) === '/metrics') return;
    throw new TaskError('database_unavailable', 'PostgreSQL is not available yet, or its schema is being migrated.', {
      retry_after: 2,
    });
  });
  app.addHook('preValidation', async (request) => {
    const isForm = request.headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded');
    if (isForm && isFields(request.body)) request.body = typedFields(request.body);
    if (isFields(request.query)) request.query = typedFields(request.query);
  });
  app.addHook('onResponse', async (request, reply) => {
    const level = isRoutine(request.method, pathOf(request.url), reply.statusCode) ? 'debug' : 'info';
    log[level](
      {
        method: request.method,
        path: pathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
}

/**
 * Returns whether a request is a frequent read that succeeded. A log line for each would cost as much as the answer,
 * and would hide the others.
 */
function isRoutine(method: string, path: string, status: number): boolean {
  if (path.startsWith('/health/') || path === '/metrics') return true;
  const isRead =
    path.endsWith('/progress') || (method === 'GET' && path.startsWith('/tasks') && !path.endsWith('/file'));
  return isRead && status < 400;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function registerRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  metricsRoute(app, context.metrics);
  rootRoute(app);
  healthRoutes(app, context);
  await app.register((scope) => registerFileRoutes(scope, context));
  downloadRoutes(app, context);
  commandRoutes(app, context);
  taskRoutes(app, context);
  deleteRoutes(app, context);
  usageRoutes(app, context);
  bulkRoutes(app, context);
}

/** Only these routes accept a form with a file, or a file as the body; to others these media types are unknown. */
async function registerFileRoutes(scope: FastifyInstance, context: ApiContext): Promise<void> {
  await scope.register(multipart, {
    throwFileSizeLimit: false,
    limits: FORM_LIMITS,
    // RFC 7578, 4.2: a file has a filename. The library's default also takes every octet-stream for one.
    isPartAFile: (_name, _type, filename) => filename !== undefined,
  });
  acceptFileBodies(scope);
  uploadRoutes(scope, context);
  previewRoutes(scope, context);
  rejectsRoutes(scope, context);
}
