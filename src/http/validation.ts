import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { type FieldError, invalidRequest, type TaskError } from '../contract/errors.js';

type ValidationError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

/** Of its own accord TypeBox stops at 8 errors. One field may have several, and an answer names up to 20 fields. */
Settings.Set({ maxErrors: 100 });

/**
 * Compiles a route's schemas. Names are brought to Unicode normal form C first, so that one name has one spelling. The
 * error names each field that was refused, its value (shortened) and what is allowed.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const check = checkerOf(schema);
  return (value: unknown) => {
    try {
      return { value: check(value) };
    } catch (error) {
      return { error: error as TaskError };
    }
  };
};

/** Makes a function that returns the value, normalised, or throws. @throws {TaskError} invalid_request */
export function checkerOf(schema: TSchema): (value: unknown) => unknown {
  const validator = Compile(schema);
  return (given) => {
    const value = normalise(given);
    if (validator.Check(value)) return value;
    throw invalidRequest(fieldErrors(schema, validator.Errors(value), value));
  };
}

function normalise(value: unknown): unknown {
  if (!isObject(value)) return value;
  const nfc = Object.entries(value).filter(
    (entry): entry is [string, string] => NAMES.has(entry[0]) && typeof entry[1] === 'string',
  );
  return { ...value, ...Object.fromEntries(nfc.map(([name, text]) => [name, text.normalize('NFC')])) };
}

const NAMES = new Set(['user_id', 'task_name', 'upload']);

function fieldErrors(schema: TSchema, errors: ValidationError[], value: unknown): FieldError[] {
  if (!isObject(value)) return [{ field: 'body', detail: `must be an object with ${fieldNames(schema)}` }];
  const all = errors.flatMap((error) => complaints(schema, error, value));
  // A value of the wrong type fails several rules at once; one sentence says them all.
  const named = all.filter(({ field }, i) => all.findIndex((other) => other.field === field) === i);
  // For a field that may be of several kinds, an error within one of them says more.
  return named.filter(({ field }) => !named.some((other) => other.field.startsWith(`${field}.`))).slice(0, 20);
}

function complaints(schema: TSchema, error: ValidationError, value: unknown): FieldError[] {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) =>
      describe(schema, [...path, name], undefined, 'is missing; it must be'),
    );
  }
  // Each unknown field has one; additionalProperties, which lists them again, may lie beyond the last error.
  if (error.keyword === 'boolean') return [unknownField(schema, path, valueAt(value, path))];
  if (error.keyword === 'additionalProperties') return [];
  return [describe(schema, path, valueAt(value, path), 'must be')];
}

function unknownField(schema: TSchema, path: string[], value: unknown): FieldError {
  const known = fieldNames(walk(schema, path.slice(0, -1)).schema);
  const detail = known ? `is not a known field; use one of ${known}` : 'is not a valid name';
  return { field: path.join('.'), value: shorten(value), detail };
}

function describe(schema: TSchema, path: string[], value: unknown, verb: string): FieldError {
  const { rule } = walk(schema, path);
  return {
    field: path.join('.'),
    ...(value !== undefined && { value: shorten(value) }),
    detail: `${verb} ${rule}`,
  };
}

/** The schema at a path, as far as it is known by name, and the nearest rule above it. */
function walk(schema: TSchema, path: string[]): { schema: TSchema; rule: string } {
  let here = schema;
  let rule = 'as the documentation says';
  for (const step of path) {
    const { properties, patternProperties } = here as Record<string, Record<string, TSchema> | undefined>;
    const next = properties ? properties[step] : Object.values(patternProperties ?? {})[0];
    if (!next) break;
    here = next;
    rule = (here as { rule?: string }).rule ?? rule;
  }
  return { schema: here, rule };
}

function fieldNames(schema: TSchema): string {
  return Object.keys((schema as { properties?: object }).properties ?? {}).join(', ');
}

function valueAt(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (here, step) => (isObject(here) && Object.hasOwn(here, step) ? here[step] : undefined),
    value,
  );
}

function shorten(value: unknown): unknown {
  if (typeof value === 'string') return value.length > 100 ? `${value.slice(0, 100)}…` : value;
  if (Array.isArray(value)) return '(an array)';
  return isObject(value) ? '(an object)' : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
