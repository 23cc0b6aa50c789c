import Type, { type TSchema } from 'typebox';

/** Pieces of which the schemas of requests and answers are made. */

/** Unknown fields are refused. */
export const strict = { additionalProperties: false };

/** PostgreSQL text holds neither U+0000 nor half a surrogate pair. */
export const STORABLE = '[^\\0\\ud800-\\udfff]';

/** In an address, a name of one or two dots would be resolved as a folder. */
const NAME = '^(?!\\.{1,2}$)[\\p{L}\\p{M}\\p{N}._\\-@:+ ]{1,128}$';
const NAME_RULE = '1 to 128 letters, digits, spaces or any of . _ - @ : +, and not . or ..';

export const UserId = Type.String({ pattern: NAME, description: NAME_RULE });
export const TaskName = Type.String({ pattern: NAME, description: NAME_RULE });

/** One of a few texts. */
export function oneOf<const T extends string>(values: readonly T[], description = `one of ${values.join(', ')}`) {
  return Type.Unsafe<T>({ type: 'string', enum: [...values], description });
}

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** A count of rows, bytes or tasks. */
export function count(description?: string) {
  return Type.Integer({ minimum: 0, ...(description && { description }) });
}
