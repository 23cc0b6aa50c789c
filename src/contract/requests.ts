import Type, { type Static } from 'typebox';
import { GIVEN_TYPE_NAMES } from './given-type-names.js';
import { MAX_COLUMNS, MAX_NAME_BYTES } from './limits.js';
import { oneOf, STORABLE, strict, TaskName, taskName, UserId } from './schema-parts.js';

/** What requests may hold. The rules that several fields must keep together are in docs/api.md. */

export const Reason = Type.String({
  pattern: `^${STORABLE}{0,500}$`,
  rule: 'a text of at most 500 characters',
  description: 'Why, for the events of the task.',
});
const MaxRejects = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  rule: 'a whole number, 0 or more',
  description: 'How many bad rows may be left out. Default: 0.',
});
const MaxBytesPerSecond = Type.Integer({
  minimum: 1024,
  maximum: Number.MAX_SAFE_INTEGER,
  rule: 'a whole number of bytes per second, 1024 or more',
  description: 'Works gently: no more bytes of CSV per second than this. Default: no limit.',
});
const yesOrNo = (description: string) => Type.Boolean({ rule: 'true or false', description });

/** Letters of any script, spaces and signs; U+2028 and U+2029 break lines as control characters do. */
const TABLE_NAME = `^(?!\\s)[^."\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,${MAX_NAME_BYTES}}(?<!\\s)$`;

const DELIMITERS = [',', ';', '\t', '|'] as const;
const DELIMITER_RULE = 'one of "," ";" "\\t" "|"';

export const UploadStart = Type.Object(
  {
    user_id: UserId,
    task_name: Type.Optional(TaskName),
    file_id: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,128}$',
        rule: 'the id of a finished upload under /files',
        description: 'Kept for resumable uploads: nothing can be named with it yet.',
      }),
    ),
    table: Type.Optional(
      Type.String({
        pattern: TABLE_NAME,
        rule:
          `a name of 1 to ${MAX_NAME_BYTES} bytes without a dot (the table is made in the schema public; another one cannot be chosen yet), ` +
          'without double quotes and control characters, and without spaces at its ends',
        description: 'The name of the new table. Default: the name of the task.',
      }),
    ),
    max_rejects: Type.Optional(MaxRejects),
    on_limit: Type.Optional(
      oneOf(['pause', 'rollback'], {
        description:
          'What happens at one bad row more than max_rejects: pause and ask, or roll back and end as failed. Default: pause.',
      }),
    ),
    max_bytes_per_second: Type.Optional(MaxBytesPerSecond),
    dialect: Type.Optional(
      Type.Object(
        {
          delimiter: Type.Optional(oneOf(DELIMITERS, { rule: DELIMITER_RULE })),
          newline: Type.Optional(
            oneOf(['\n', '\r\n', '\r'], {
              rule: 'one of "\\n" "\\r\\n" "\\r"',
              description: 'The line end. LF reads CRLF, too.',
            }),
          ),
        },
        {
          ...strict,
          rule: 'an object with delimiter and newline, both optional',
          description: 'How the file is written; the rest is detected.',
        },
      ),
    ),
    date_order: Type.Optional(
      oneOf(['ymd', 'dmy', 'mdy'], {
        description:
          'The order of year, month and day, where the values of a column can be read in two ways (01.02.2024). Default: detected.',
      }),
    ),
    decimal_comma: Type.Optional(
      yesOrNo(
        'Whether a comma is the decimal sign, where the values of a column do not tell (1,234). Default: detected.',
      ),
    ),
    columns: Type.Optional(
      Type.Record(Type.String({ pattern: `^${STORABLE}+$` }), oneOf(GIVEN_TYPE_NAMES), {
        ...strict,
        maxProperties: MAX_COLUMNS,
        rule: `an object of column names and types, each type one of ${GIVEN_TYPE_NAMES.join(', ')}`,
        description: 'The types of columns, by their names in the header. Default: detected.',
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
    upload: Type.Optional(
      taskName(
        'A completed upload of this user, whose table is exported with the header of its file and without _row. Default: task_name.',
      ),
    ),
    table: Type.Optional(
      Type.String({
        pattern: `^${STORABLE}{3,300}$`,
        rule: 'a table as schema.name, with names quoted where they hold a dot or a quote',
        description: 'A table, view or foreign table to export, in place of an upload.',
      }),
    ),
    consistency: Type.Optional(
      oneOf(['live', 'frozen'], {
        description:
          'Whether parts are read one after the other from the table as it is, or from a copy that is made first, in one snapshot. Default: live.',
      }),
    ),
    formulas: Type.Optional(
      oneOf(['raw', 'escape'], {
        description:
          'Whether text that a spreadsheet would run (=1+1, +cmd, @x) gets an apostrophe before it; a plain number stays. Default: raw, it does not.',
      }),
    ),
    bom: Type.Optional(yesOrNo('Whether the file begins with a byte order mark, for Excel. Default: false.')),
    newline: Type.Optional(
      oneOf(['\n', '\r\n', 'lf', 'crlf'], {
        rule: 'one of "\\n" "\\r\\n" lf crlf',
        description: 'The line end; those inside of values stay as they are. Default: lf.',
      }),
    ),
    delimiter: Type.Optional(oneOf(DELIMITERS, { rule: DELIMITER_RULE, description: 'Default: a comma.' })),
    quote: Type.Optional(
      oneOf(['needed', 'all'], {
        description: 'Which fields are quoted: those that must be, or all but NULL. Default: needed.',
      }),
    ),
    like_source: Type.Optional(
      yesOrNo('Whether the file of an upload is written as it came; the fields above go before. Default: false.'),
    ),
    compression: Type.Optional(
      oneOf(['gzip'], {
        description: 'The file is a .gz, and Range, ETag and sha256 are about its bytes. Default: not compressed.',
      }),
    ),
    columns: Type.Optional(
      Type.Array(Type.String({ pattern: `^${STORABLE}{0,1000}$` }), {
        minItems: 1,
        maxItems: MAX_COLUMNS,
        uniqueItems: true,
        rule: `a list of 1 to ${MAX_COLUMNS} names of columns, each once`,
        description: 'The columns to export, in this order, by their names in the file or in the table. Default: all.',
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
