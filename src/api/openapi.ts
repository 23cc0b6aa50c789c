import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { ANSWERS, refTo } from '../contract/answers.js';
import type { Kind } from '../contract/states.js';
import { EXAMPLES } from './openapi-examples.js';

/** What the page may load and run: its own files only. Swagger UI sets style attributes from its script. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const DESCRIPTION =
  'Loads CSV files into PostgreSQL and exports tables to CSV, as tasks that can be paused, resumed and terminated at ' +
  'any moment. docs/api.md says what a schema cannot: when a task waits, what a command waits for, how a file is read.';

type Tag = 'Uploads' | 'Downloads' | 'Tasks' | 'Service';

interface Operation extends Pick<FastifySchema, 'body' | 'querystring' | 'params'> {
  tag: Tag;
  summary: string;
  description?: string;
  /** What it answers, by status: the name of a document, a media type of another body, or null for none. */
  answers: Record<number, keyof typeof ANSWERS | `${string}/${string}` | null>;
  /** The media types of the body. */
  consumes?: string[];
}

const PROBLEM = {
  description: 'A problem document (RFC 9457).',
  content: { 'application/problem+json': { schema: refTo('Problem') } },
};

/** Makes the schema of a route, by which requests are checked and which the OpenAPI document shows. */
export function operation(id: string, { tag, summary, answers, ...others }: Operation): FastifySchema {
  const response = Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [status, answerSchema(answer)]),
  );
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(others.body !== undefined && { consumes: FORMS }),
    ...others,
    response: { ...response, '4xx': PROBLEM, '5xx': PROBLEM },
  } as FastifySchema;
}

/** The same for a route of one kind of task: the kind follows the verb (`pauseUpload`). */
export function operationOf(kind: Kind, verb: string, described: Omit<Operation, 'tag'>): FastifySchema {
  const title = kind === 'upload' ? 'Upload' : 'Download';
  return operation(`${verb}${title}`, { tag: `${title}s`, ...described });
}

/** The media types of a body with fields alone. */
export const FORMS = ['application/json', 'application/x-www-form-urlencoded'];

function answerSchema(answer: Operation['answers'][number]): object {
  if (answer === null) return { type: 'null', description: 'Nothing.' };
  if (!answer.includes('/')) return { description: `${answer}.`, ...refTo(answer as keyof typeof ANSWERS) };
  return { description: 'The file.', content: { [answer]: { schema: { type: 'string' } } } };
}

/** Serves the OpenAPI 3.1 document at /openapi.json and its page at /docs. To be registered before the routes. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  for (const schema of Object.values(ANSWERS)) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Long-Task',
        version: '1',
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      security: [],
      tags: [
        { name: 'Uploads', description: 'CSV files into tables' },
        { name: 'Downloads', description: 'Tables into CSV files' },
        { name: 'Tasks', description: 'What both have in common' },
        { name: 'Service', description: 'How the service is' },
      ],
    },
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, i) => String($id ?? `schema${i}`) },
    transformObject: (document) =>
      withExamples(withRules((document as { openapiObject: Document }).openapiObject)) as never,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    uiConfig: { validatorUrl: null, tryItOutEnabled: true },
  });
  app.get('/openapi.json', { schema: { hide: true } as FastifySchema }, () => app.swagger());
}

interface Media {
  schema?: object;
  example?: unknown;
}
interface Parameter {
  name: string;
  schema?: { type?: string };
  content?: Record<string, Media>;
  example?: unknown;
}
interface DocumentedOperation {
  operationId?: string;
  requestBody?: { required?: boolean; content: Record<string, Media> };
  parameters?: Parameter[];
}
interface Document {
  paths: Record<string, Record<string, DocumentedOperation>>;
}

/** Puts the rule of each field into its description, unless the schema shows it by itself. */
function withRules<T>(node: T): T {
  if (Array.isArray(node)) return node.map(withRules) as T;
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([name, value]) => [name, withRules(value)]);
  const { rule, description, ...others } = Object.fromEntries(entries);
  if (typeof rule !== 'string') return Object.fromEntries(entries);
  const isShown = 'enum' in others || others.type === 'boolean';
  const sentences = [description, isShown ? undefined : `Must be ${rule}.`].filter(
    (sentence) => sentence !== undefined,
  );
  return (sentences.length > 0 ? { ...others, description: sentences.join(' ') } : others) as T;
}

/** What the file of a multipart form is, by operation. */
const FILES: Record<string, string> = {
  startUpload: 'The CSV file. Without it the sample is loaded, if the body is no multipart form.',
  previewUpload: 'The CSV file, or its beginning. Without it the sample is shown, if the body is no multipart form.',
  correctRejects: 'The corrected rows, in the form in which listRejects gives them.',
};

/** A body that is the file. */
const CSV_BODY: Media = {
  schema: { type: 'string', description: 'The CSV file; the fields are in the query.' },
  example: 'Region,Units\nEurope,1\nAsia,2\n',
};

/** An object in a query is written as JSON. */
function asJson(parameter: Parameter): void {
  parameter.content = { 'application/json': { schema: parameter.schema } };
  delete parameter.schema;
}

/**
 * Adds the examples that a test sends, and the file of a multipart form or as a body; leaves out HEAD, which answers as
 * GET does.
 */
function withExamples(document: Document): Document {
  for (const operations of Object.values(document.paths)) {
    delete operations.head;
    for (const one of Object.values(operations)) {
      const id = one.operationId ?? '';
      const example = EXAMPLES[id];
      const content = one.requestBody?.content ?? {};
      for (const [type, media] of Object.entries(content)) content[type] = bodyOf(type, media, id);
      for (const parameter of one.parameters ?? []) {
        const value = example?.query?.[parameter.name] ?? example?.path?.[parameter.name];
        if (value !== undefined) parameter.example = parameter.schema?.type === 'string' ? value : JSON.parse(value);
        if (parameter.schema?.type === 'object') asJson(parameter);
      }
    }
  }
  return document;
}

function bodyOf(type: string, media: Media, id: string): Media {
  if (type === 'text/csv') return CSV_BODY;
  if (type === 'multipart/form-data') return { schema: withFile(media.schema as Form, FILES[id]!) };
  return { ...media, example: EXAMPLES[id]?.body };
}

interface Form {
  properties: object;
}

function withFile(schema: Form, description: string): Form {
  const file = { type: 'string', contentMediaType: 'application/octet-stream', description };
  return { ...schema, properties: { ...schema.properties, file } };
}
