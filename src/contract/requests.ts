import Type, { type Static } from 'typebox';
import { GIVEN_TYPE_NAMES } from './given-type-names.js';
import { MAX_COLUMNS, MAX_NAME_BYTES } from './limits.js';
import { DELIMITERS, FILE_NEWLINES } from './marks.js';
import { nullable, oneOf, STORABLE, strict, TaskName, taskName, UserId, yesOrNo } from './schema-parts.js';

/** What requests may hold. The rules that several fields must keep together are in docs/api.md. */

export const Reason = Type.String({
  pattern: `^${STORABLE}{0,500}$`,
  rule: 'a text of at most 500 characters',
  description: 'Why, for the events of the task.',
});
const MaxRejects = Type.Unsafe<number | string>({
  type: ['integer', 'string'],
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  pattern: '^(?:100|[0-9]{1,2}(?:[.][0-9]{1,6})?)%$',
  rule: 'a whole number, 0 or more, or a share from 0% to 100%',
  description: 'How many bad rows may be left out: a number, or a share of the rows such as "1%". Default: 0.',
});
const MaxBytesPerSecond = Type.Integer({
  minimum: 1024,
  maximum: Number.MAX_SAFE_INTEGER,
  rule: 'a whole number of bytes per second, 1024 or more',
  description: 'Maximum CSV bytes per second. Default: no limit.',
});

/** Letters of any script, spaces and signs; U+2028 and U+2029 break lines as control characters do. */
const TABLE_NAME = `^(?!\\s)[^."\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,${MAX_NAME_BYTES}}(?<!\\s)$`;

const DELIMITER_RULE = 'one of "," ";" "\\t" "|"';

const NullValues = Type.Array(Type.String({ pattern: `^${STORABLE}{0,200}$` }), {
  maxItems: 50,
  rule: 'a list of at most 50 texts of at most 200 characters',
  description: 'Texts that are NULL, quoted or not, in addition to the unquoted empty field. Default: none.',
});

const Mark = (description: string) =>
  nullable(Type.String({ minLength: 1, maxLength: 1, rule: 'one character, or null', description }));

/** How a file is written, as far as the caller knows; each key overrides what is detected. */
export const GivenDialect = Type.Object(
  {
    encoding: Type.Optional(
      Type.String({ minLength: 1, maxLength: 40, rule: 'a label such as windows-1252', description: 'The encoding.' }),
    ),
    bom: Type.Optional(yesOrNo('Whether the file begins with a byte order mark.')),
    delimiter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 8,
        pattern: '^[^\\r\\n\\0"]+$',
        rule: 'a text of 1 to 8 characters without quotes and line ends',
        description: 'What separates the values.',
      }),
    ),
    quote: Type.Optional(Mark('The character that quotes values; null where none does.')),
    escape: Type.Optional(Mark('The character before a quote inside of quotes; null where quotes are not escaped.')),
    newline: Type.Optional(
      oneOf(FILE_NEWLINES, {
        rule: 'one of "\\n" "\\r\\n" "\\r" "\\r\\r\\n" "mixed"',
        description: 'The line end. LF reads CRLF, too.',
      }),
    ),
    header_rows: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 9, rule: 'a whole number, 0 to 9', description: 'Records of the header.' }),
    ),
    skip_lines: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        rule: 'a whole number, 0 to 100000',
        description: 'Lines above the header that are no records.',
      }),
    ),
    skip_space: Type.Optional(yesOrNo('Whether spaces after a delimiter belong to no value.')),
    compression: Type.Optional(
      nullable(oneOf(['gzip', 'zip'], { description: 'How the file is packed; null where it is not.' })),
    ),
    source: Type.Optional(
      Type.Unknown({ description: 'Ignored. Accepted so that a preview can be sent back unchanged.' }),
    ),
    warnings: Type.Optional(
      Type.Unknown({ description: 'Ignored. Accepted so that a preview can be sent back unchanged.' }),
    ),
  },
  {
    ...strict,
    rule: 'an object with keys of a dialect, all optional',
    description: 'How the file is written; the rest is detected.',
  },
);
export type GivenDialect = Static<typeof GivenDialect>;

const GivenColumn = Type.Object(
  {
    name: Type.String({ pattern: `^${STORABLE}*$`, rule: 'a name in the header', description: 'In the header.' }),
    rename: Type.Optional(
      Type.String({
        pattern: `^(?=.*\\S)[^\\p{Cc}\\p{Cs}]{1,${MAX_NAME_BYTES}}$`,
        rule: `a name of 1 to ${MAX_NAME_BYTES} bytes without control characters`,
        description: 'The name in the table.',
      }),
    ),
    type: Type.Optional(oneOf(GIVEN_TYPE_NAMES, { description: 'Default: detected.' })),
    null_values: Type.Optional(NullValues),
    skip: Type.Optional(yesOrNo('Whether the column is left out of the table. Default: false.')),
    form: Type.Optional(
      Type.String({ maxLength: 100, description: 'How the values are written, as a preview shows it.' }),
    ),
    evidence: Type.Optional(
      Type.String({ description: 'Ignored. Accepted so that a preview can be sent back unchanged.' }),
    ),
  },
  { ...strict, rule: 'an object with name and, optional, rename, type, null_values and skip' },
);
export type GivenColumn = Static<typeof GivenColumn>;
export type GivenColumns = Record<string, string> | GivenColumn[];

const ColumnTypes = Type.Record(Type.String({ pattern: `^${STORABLE}+$` }), oneOf(GIVEN_TYPE_NAMES), {
  ...strict,
  maxProperties: MAX_COLUMNS,
});
const ColumnList = Type.Array(GivenColumn, { maxItems: MAX_COLUMNS });
const GivenColumns = Type.Union([ColumnTypes, ColumnList], {
  rule: `an object of column names and types, or a list of columns, each type one of ${GIVEN_TYPE_NAMES.join(', ')}`,
  description:
    "The types of columns by their names in the header; or a list of columns, which take each other's places in its order. Default: detected.",
});

export const UploadStart = Type.Object(
  {
    user_id: UserId,
    task_name: Type.Optional(TaskName),
    file_id: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,128}$',
        rule: 'the id of a finished upload under /files',
        description: 'Reserved for resumable uploads; not supported yet.',
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
    dialect: Type.Optional(GivenDialect),
    malformed: Type.Optional(
      oneOf(['quarantine', 'repair', 'strict'], {
        description:
          'What is done with a record that is not well formed: it is rejected; repaired by named rules where that is certain, else rejected; or it ends the task. Default: quarantine.',
      }),
    ),
    null_values: Type.Optional(NullValues),
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
    columns: Type.Optional(GivenColumns),
  },
  strict,
);
export type UploadStart = Static<typeof UploadStart>;

export const PreviewBody = Type.Object(
  {
    ...UploadStart.properties,
    rows: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1000,
        rule: 'a whole number, 0 to 1000',
        description: 'How many rows are shown at most. Default: 20.',
      }),
    ),
  },
  strict,
);
export type PreviewBody = Static<typeof PreviewBody>;

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
      yesOrNo('Whether the file of an upload is written as it came; the fields above override it. Default: false.'),
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
  {
    user_id: UserId,
    task_name: TaskName,
    reason: Type.Optional(Reason),
    max_rejects: Type.Optional(MaxRejects),
    dialect: Type.Optional(GivenDialect),
  },
  strict,
);
export type CommandBody = Static<typeof ResumeUploadBody>;

export const TaskPath = Type.Object({ task_name: TaskName }, strict);
export type TaskPath = Static<typeof TaskPath>;

export const UserQuery = Type.Object({ user_id: UserId }, strict);
export type UserQuery = Static<typeof UserQuery>;
