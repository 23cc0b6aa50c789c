import Type, { type Static } from 'typebox';
import { GIVEN_TYPE_NAMES } from './given-type-names.js';
import { MAX_COLUMNS, MAX_NAME_BYTES } from './limits.js';
import { oneOf, STORABLE, strict, TaskName, UserId } from './schema-parts.js';

/**
 * What requests may hold. Every `description` completes the sentence "must be …" of the error that a bad value gets.
 */

export const Reason = Type.String({ pattern: `^${STORABLE}{0,500}$`, description: 'a text of at most 500 characters' });
const MaxRejects = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'a whole number, 0 or more',
});
const MaxBytesPerSecond = Type.Integer({
  minimum: 1024,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'a whole number of bytes per second, 1024 or more',
});

/** Letters of any script, spaces and signs; U+2028 and U+2029 break lines as control characters do. */
const TABLE_NAME = `^(?!\\s)[^."\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,${MAX_NAME_BYTES}}(?<!\\s)$`;

export const UploadStart = Type.Object(
  {
    user_id: UserId,
    task_name: Type.Optional(TaskName),
    file_id: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$', description: 'the id of a finished upload under /files' }),
    ),
    table: Type.Optional(
      Type.String({
        pattern: TABLE_NAME,
        description:
          `a name of 1 to ${MAX_NAME_BYTES} bytes without a dot (the table is made in the schema public; another one cannot be chosen yet), ` +
          'without double quotes and control characters, and without spaces at its ends',
      }),
    ),
    max_rejects: Type.Optional(MaxRejects),
    on_limit: Type.Optional(oneOf(['pause', 'rollback'])),
    max_bytes_per_second: Type.Optional(MaxBytesPerSecond),
    dialect: Type.Optional(
      Type.Object(
        {
          delimiter: Type.Optional(oneOf([',', ';', '\t', '|'], 'one of "," ";" "\\t" "|"')),
          newline: Type.Optional(oneOf(['\n', '\r\n', '\r'], 'one of "\\n" "\\r\\n" "\\r"')),
        },
        { ...strict, description: 'an object with delimiter and newline, both optional' },
      ),
    ),
    date_order: Type.Optional(oneOf(['ymd', 'dmy', 'mdy'])),
    decimal_comma: Type.Optional(Type.Boolean({ description: 'true or false' })),
    columns: Type.Optional(
      Type.Record(Type.String({ pattern: `^${STORABLE}+$` }), oneOf(GIVEN_TYPE_NAMES), {
        ...strict,
        maxProperties: MAX_COLUMNS,
        description: `an object of column names and types, each type one of ${GIVEN_TYPE_NAMES.join(', ')}`,
      }),
    ),
  },
  strict,
);
export type UploadStart = Static<typeof UploadStart>;

export const DownloadStart = Type.Object(
  {
    user_id: UserId,
    task_name: Type.Optional(TaskName),
    upload: Type.Optional(TaskName),
    table: Type.Optional(
      Type.String({
        pattern: `^${STORABLE}{3,300}$`,
        description: 'a table as schema.name, with names quoted where they hold a dot or a quote',
      }),
    ),
    consistency: Type.Optional(oneOf(['live', 'frozen'])),
    formulas: Type.Optional(oneOf(['raw', 'escape'])),
    bom: Type.Optional(Type.Boolean({ description: 'true or false' })),
    newline: Type.Optional(oneOf(['\n', '\r\n', 'lf', 'crlf'], 'one of "\\n" "\\r\\n" lf crlf')),
    delimiter: Type.Optional(oneOf([',', ';', '\t', '|'], 'one of "," ";" "\\t" "|"')),
    quote: Type.Optional(oneOf(['needed', 'all'])),
    like_source: Type.Optional(Type.Boolean({ description: 'true or false' })),
    compression: Type.Optional(oneOf(['gzip'])),
    columns: Type.Optional(
      Type.Array(Type.String({ pattern: `^${STORABLE}{0,1000}$` }), {
        minItems: 1,
        maxItems: MAX_COLUMNS,
        uniqueItems: true,
        description: `a list of 1 to ${MAX_COLUMNS} names of columns, each once`,
      }),
    ),
    max_bytes_per_second: Type.Optional(MaxBytesPerSecond),
  },
  strict,
);
export type DownloadStart = Static<typeof DownloadStart>;

export const TaskRefBody = Type.Object({ user_id: UserId, task_name: TaskName }, strict);
export type TaskRefBody = Static<typeof TaskRefBody>;

export const CommandBody = Type.Object({ user_id: UserId, task_name: TaskName, reason: Type.Optional(Reason) }, strict);
export const ResumeUploadBody = Type.Object(
  { user_id: UserId, task_name: TaskName, reason: Type.Optional(Reason), max_rejects: Type.Optional(MaxRejects) },
  strict,
);
export type CommandBody = Static<typeof ResumeUploadBody>;

export const TaskPath = Type.Object({ task_name: TaskName }, strict);
export type TaskPath = Static<typeof TaskPath>;

export const UserQuery = Type.Object({ user_id: UserId }, strict);
export type UserQuery = Static<typeof UserQuery>;
