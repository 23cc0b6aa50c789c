/** The types of PostgreSQL that a caller may give a column. */
export const GIVEN_TYPE_NAMES = [
  'text',
  'integer',
  'bigint',
  'smallint',
  'numeric',
  'real',
  'double precision',
  'boolean',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'uuid',
  'json',
  'jsonb',
  'inet',
  'interval',
  'bytea',
] as const;

export type GivenTypeName = (typeof GIVEN_TYPE_NAMES)[number];
