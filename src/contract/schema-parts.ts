import Type, { type TSchema } from 'typebox';
import { ERRORS, type ErrorCode } from './errors.js';

/**
 * Pieces of which the schemas of requests and answers are made. Two keywords are for readers: `description` says what a
 * field means, and `rule` completes the sentence "must be …" of the error that a bad value gets.
 */

/** Unknown fields are refused. */
export const strict = { additionalProperties: false };

/** PostgreSQL text holds neither U+0000 nor half a surrogate pair. */
export const STORABLE = '[^\\0\\ud800-\\udfff]';

/** In an address, a name of one or two dots would be resolved as a folder. */
const NAME = '^(?!\\.{1,2}$)[\\p{L}\\p{M}\\p{N}._\\-@:+ ]{1,128}$';
const NAME_RULE = '1 to 128 letters, digits, spaces or any of . _ - @ : +, and not . or ..';

export const UserId = Type.String({
  pattern: NAME,
  rule: NAME_RULE,
  description: 'Whose task it is. It is not a login.',
});
export const TaskName = taskName('The name of the task, unique per user and kind.');

export function taskName(description: string) {
  return Type.String({ pattern: NAME, rule: NAME_RULE, description });
}

export function yesOrNo(description: string) {
  return Type.Boolean({ rule: 'true or false', description });
}

/** One of a few texts. */
export function oneOf<const T extends string>(
  values: readonly T[],
  readers: { rule?: string; description?: string } = {},
) {
  return Type.Unsafe<T>({ type: 'string', enum: [...values], rule: `one of ${values.join(', ')}`, ...readers });
}

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** The same schema, saying what the field means. */
export function described<T extends TSchema>(schema: T, description: string): T {
  return { ...schema, description };
}

/** A count of rows, bytes or tasks. */
export function count(description?: string) {
  return Type.Integer({ minimum: 0, ...(description && { description }) });
}

export const Seconds = Type.Number({ minimum: 0 });

export const Code = oneOf(Object.keys(ERRORS) as ErrorCode[], {
  description: 'Which error it is; docs/errors.md lists them.',
});
