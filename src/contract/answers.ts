import Type, { type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './errors.js';
import { FILE_NEWLINES, NEWLINES } from './marks.js';
import { count, described, nullable, oneOf } from './schema-parts.js';
import { ACTIONS, CHANNELS, KINDS, PHASES, type Phase, STATES, type State, VERBS } from './states.js';

/**
 * What the API answers: the one source of the types, of the OpenAPI document and of the check that the tests make of
 * every answer. Bytes and rows are counts, rates are per second, times are ISO 8601 in UTC.
 */

/** Rejects fields that no schema describes. */
const closed = { additionalProperties: false };

const Time = Type.String({ format: 'date-time' });
const Seconds = Type.Number({ minimum: 0 });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Code = oneOf(Object.keys(ERRORS) as ErrorCode[], {
  description: 'Which error it is; docs/errors.md lists them.',
});

const place = {
  row: Type.Optional(Type.Integer({ minimum: 1, description: 'The row of the file, from 1.' })),
  byte_offset: Type.Optional(count('Its first byte in the file, from 0.')),
  column: Type.Optional(Type.String({ description: 'The name of the column in the header.' })),
  column_number: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'The place of the column in the file, from 1; left out where two share the name.',
    }),
  ),
  value: Type.Optional(Type.String({ description: 'The value, shortened.' })),
};

export const TaskFault = Type.Object(
  { code: Code, detail: Type.String(), ...place },
  { ...closed, description: 'Why a task failed, is paused and asks, or cannot roll back yet.' },
);
export type TaskFault = Static<typeof TaskFault>;

export const ReceiptColumn = Type.Object(
  {
    original: Type.String({ description: 'The name in the header of the file.' }),
    name: Type.String({ description: 'The name in the table.' }),
    type: Type.String({ description: 'The type in the table.' }),
    form: Type.Optional(
      Type.String({ description: 'How the values are written, where PostgreSQL writes them otherwise: DD.MM.YYYY.' }),
    ),
    evidence: Type.String({ description: 'Why the column got its type, in one sentence.' }),
    number: Type.Optional(Type.Integer({ description: 'The number of an exported column in its table.' })),
  },
  closed,
);
export type ReceiptColumn = Static<typeof ReceiptColumn>;

const COMPRESSIONS = ['gzip', 'zip'] as const;

export const ShownDialect = Type.Object(
  {
    encoding: Type.String({ description: 'A label of the Encoding Standard, such as windows-1252.' }),
    bom: Type.Boolean({ description: 'Whether the file begins with a byte order mark.' }),
    delimiter: Type.String(),
    quote: nullable(Type.String({ description: 'Null where no character quotes.' })),
    escape: nullable(Type.String({ description: 'The quote itself where quotes are doubled; null for none.' })),
    newline: oneOf(FILE_NEWLINES, { description: 'What ends a record.' }),
    header_rows: count('Records that name the columns; the names of several are joined by a space.'),
    skip_lines: count('Lines above the header that are no records.'),
    skip_space: Type.Boolean({ description: 'Whether spaces after a delimiter belong to no value.' }),
    compression: nullable(oneOf(COMPRESSIONS)),
    source: Type.Record(Type.String(), oneOf(['detected', 'given']), {
      description: 'Where each of these comes from: the file or the request.',
    }),
    warnings: Type.Array(Type.String(), { description: 'What should be checked, one sentence each.' }),
  },
  { ...closed, description: 'How the uploaded file is written.' },
);
export type ShownDialect = Static<typeof ShownDialect>;

export const Repairs = Type.Object(
  {
    count: count('Rows that were repaired.'),
    rules: Type.Record(Type.String(), count(), { description: 'How often by each rule.' }),
    rows: Type.Array(Type.Object({ row: count(), rules: Type.Array(Type.String()) }, closed), {
      description: 'The first thousand of them.',
    }),
  },
  { ...closed, description: 'What malformed=repair has done.' },
);

const ExportFormat = Type.Object(
  {
    encoding: Type.String(),
    bom: Type.Boolean(),
    delimiter: Type.String(),
    quote: Type.String(),
    escape: Type.String(),
    newline: oneOf(NEWLINES, { description: 'The line end.' }),
    header: Type.Boolean(),
    quoted_header: Type.Boolean(),
    quoted: Type.Union([oneOf(['needed', 'all']), Type.Array(Type.Integer({ minimum: 1 }))], {
      description: 'The fields that are quoted although they need not be: none, all, or those of these columns.',
    }),
    final_newline: Type.Boolean(),
    compression: nullable(oneOf(['gzip'])),
  },
  { ...closed, description: 'How the file of a download is written, where the request says.' },
);

export const Receipt = Type.Object(
  {
    rows_in_file: count(),
    rows_loaded: count(),
    rows_rejected: count(),
    bytes: count(),
    sha256: described(Sha256, 'For an upload, of its source; for a download, of its result.'),
    columns: Type.Array(ReceiptColumn),
    parts: count(),
    seconds: Type.Unsafe<Partial<Record<Phase, number>>>(
      Type.Object(Object.fromEntries(PHASES.map((phase) => [phase, Type.Optional(Seconds)])), closed),
    ),
    file: Type.Optional(
      Type.Object({ size: count(), sha256: Sha256 }, { ...closed, description: 'The result of a download.' }),
    ),
    consistency: Type.Optional(oneOf(['live', 'frozen'])),
    formulas: Type.Optional(oneOf(['raw', 'escape'])),
    format: Type.Optional(ExportFormat),
    dialect: Type.Optional(nullable(ShownDialect)),
    repairs: Type.Optional(Repairs),
    same_as_source: Type.Optional(
      Type.Boolean({ description: 'For an export with like_source: whether it is the uploaded file, byte for byte.' }),
    ),
  },
  { ...closed, description: 'The account of a completed task: rows_in_file = rows_loaded + rows_rejected.' },
);

const taskFields = {
  user_id: Type.String(),
  task_name: Type.String(),
  kind: oneOf(KINDS),
  state: oneOf(STATES),
  phase: described(nullable(oneOf(PHASES)), 'Null before the start and at the end.'),
  progress: Type.Number({ minimum: 0, maximum: 100, description: 'Over all phases, in percent. It never falls.' }),
  bytes: Type.Object(
    { done: count(), total: nullable(count()) },
    { ...closed, description: 'What is committed. The total of a download is known only at the end.' },
  ),
  rows: Type.Object(
    { done: count(), total: nullable(count()), rejected: count() },
    {
      ...closed,
      description:
        'What is committed. The total is null until the file is inspected, and for a download of a table that no upload made.',
    },
  ),
  bytes_per_second: Type.Number({ minimum: 0 }),
  rows_per_second: Type.Number({ minimum: 0 }),
  eta_seconds: described(
    nullable(Seconds),
    'The remaining time, without pauses; null when nothing tells it, and while no worker answers.',
  ),
  active_seconds: Seconds,
  paused_seconds: Seconds,
  allowed_actions: Type.Array(oneOf(ACTIONS), { description: 'What may be commanded in this state.' }),
  pause_reasons: Type.Array(Type.String(), {
    description:
      'The reason of the pause (`requested` if none was given), `reject_limit`, `disk_full`, `unclear_dialect`, or what was done in Temporal (`operator: …`).',
  }),
  table: nullable(
    Type.String({
      description: 'The table of an upload once it is published, qualified and quoted: "public"."sales".',
    }),
  ),
  download_url: described(
    nullable(Type.String()),
    'The file of a completed download, relative to the address of the API; null when it is gone from the file store.',
  ),
  dialect: described(nullable(ShownDialect), 'For an upload; null until it is known.'),
  receipt: nullable(Receipt),
  error: nullable(TaskFault),
  warnings: Type.Array(Type.String(), {
    description: 'What a caller should know although nothing failed, one sentence each.',
  }),
  held: Type.Object(
    { connections: count(), activities: count(), locks: count() },
    { ...closed, description: 'Sessions and locks in PostgreSQL, and steps that work. All 0 when the task is paused.' },
  ),
  workflow_id: Type.String(),
  version: count(),
  created_at: Time,
  updated_at: Time,
  finished_at: nullable(Time),
  superseded_at: nullable(
    Type.String({
      format: 'date-time',
      description: 'When a new start took the name of the task; null as long as the task has it.',
    }),
  ),
};

export const Task = Type.Object(taskFields, { ...closed, $id: 'Task' });

export const TaskEvent = Type.Object(
  {
    at: Time,
    channel: oneOf(CHANNELS),
    actor: nullable(
      Type.String({ description: 'Who wanted it, as far as that is known; null for the service itself.' }),
    ),
    action: oneOf([...VERBS, 'noted'], {
      description: 'What happened; `noted` is a remark without a change of state, such as a resume that cannot help.',
    }),
    reason: nullable(Type.String()),
    from_state: oneOf(STATES),
    to_state: oneOf(STATES),
  },
  closed,
);
export type TaskEvent = Static<typeof TaskEvent>;

export const TaskWithEvents = Type.Object(
  {
    ...taskFields,
    task_events: Type.Array(TaskEvent, { description: 'The last hundred changes of state, the oldest first.' }),
  },
  { ...closed, $id: 'TaskWithEvents' },
);
export type TaskWithEvents = Static<typeof TaskWithEvents>;

export const TaskPage = Type.Object(
  {
    tasks: Type.Array(Type.Object(taskFields, closed)),
    next: nullable(Type.String({ description: 'For `after` of the next page; null at the end.' })),
  },
  { ...closed, $id: 'TaskPage' },
);
export type TaskPage = Static<typeof TaskPage>;

const FieldError = Type.Object(
  {
    field: Type.String(),
    value: Type.Optional(Type.Unknown({ description: 'The value that was refused, shortened.' })),
    detail: Type.String(),
  },
  closed,
);

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What is wrong, and what to do.' }),
    code: Code,
    instance: Type.String(),
    ...place,
    errors: Type.Optional(Type.Array(FieldError)),
    current_state: Type.Optional(oneOf(STATES)),
    allowed_actions: Type.Optional(Type.Array(oneOf(ACTIONS))),
    retry_after: Type.Optional(count('Seconds.')),
  },
  { ...closed, $id: 'Problem', description: 'A problem document (RFC 9457).' },
);
export type Problem = Static<typeof Problem>;

export const Preview = Type.Object(
  {
    dialect: ShownDialect,
    columns: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'The name in the header of the file, or a generated one.' }),
          rename: Type.Optional(Type.String({ description: 'The name in the table, where it is another one.' })),
          type: Type.String({ description: 'The type so far.' }),
          form: Type.Optional(Type.String({ description: 'How the values are written so far: DD.MM.YYYY.' })),
          evidence: Type.String({ description: 'Why the column has its type, in one sentence.' }),
        },
        closed,
      ),
      { description: 'The columns that the table would get, in its order.' },
    ),
    rows: Type.Array(Type.Array(nullable(Type.String())), { description: 'The first rows that can be loaded.' }),
    question: nullable(Type.String({ description: 'What must be given before the file can be loaded.' })),
    warnings: Type.Array(Type.String(), { description: 'What should be checked, one sentence each.' }),
  },
  { ...closed, $id: 'Preview', description: 'What the first MiB of a file says. Nothing of it is stored.' },
);
export type Preview = Static<typeof Preview>;

const ActionResult = Type.Object(
  {
    kind: oneOf(KINDS),
    user_id: Type.String(),
    task_name: Type.String(),
    result: oneOf(['ok', 'no_op', 'error']),
    state: nullable(
      oneOf(STATES, { description: 'The state after the command; null when the task is gone or was not found.' }),
    ),
    error: nullable(
      Type.Object(
        {
          code: Code,
          status: Type.Integer(),
          detail: Type.String(),
          current_state: Type.Optional(oneOf(STATES)),
          allowed_actions: Type.Optional(Type.Array(oneOf(ACTIONS))),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type ActionResult = Static<typeof ActionResult>;

export const ActionsAnswer = Type.Object(
  {
    action: oneOf([...ACTIONS, 'delete']),
    dry_run: Type.Boolean(),
    count: count(),
    ok: count(),
    no_op: count(),
    failed: count(),
    limit: count('How many tasks one request commands at most.'),
    next: nullable(Type.String({ description: 'For `after` of the next request; null at the end.' })),
    results: Type.Array(ActionResult),
  },
  { ...closed, $id: 'ActionsAnswer' },
);
export type ActionsAnswer = Static<typeof ActionsAnswer>;

const Stored = Type.Object({ count: count(), bytes: count() }, closed);

export const Usage = Type.Object(
  {
    user_id: nullable(Type.String()),
    bytes_stored: count(
      'Bytes of files: sources of uploads that have not ended, and results of downloads, including those in progress.',
    ),
    sources: Stored,
    results: Stored,
    tables: described(Stored, 'Those that uploads have published and that are still there, with their indexes.'),
    staging_tables: described(Stored, 'Those of loads and frozen exports in progress.'),
    tasks: Type.Unsafe<Record<State, number>>(
      Type.Object(Object.fromEntries(STATES.map((state) => [state, count()])), closed),
    ),
    limits: Type.Object(
      {
        max_upload_bytes: nullable(count()),
        retention_days: nullable(count()),
        max_running_tasks: nullable(count()),
        max_stored_bytes: nullable(count()),
        max_requests_per_minute: nullable(count()),
      },
      { ...closed, description: 'Null where there is no such limit.' },
    ),
  },
  { ...closed, $id: 'Usage' },
);
export type Usage = Static<typeof Usage>;

const Part = oneOf(['up', 'down']);

export const Ready = Type.Object(
  {
    status: oneOf(['ok', 'unavailable']),
    postgres: oneOf(['up', 'down', 'preparing']),
    temporal: Part,
    worker: Part,
  },
  { ...closed, $id: 'Ready' },
);
export type Ready = Static<typeof Ready>;

export const Live = Type.Object({ status: oneOf(['ok']) }, { ...closed, $id: 'Live' });
export type Live = Static<typeof Live>;

export const Root = Type.Object(
  {
    service: Type.String(),
    start: Type.Array(Type.String()),
    links: Type.Record(Type.String(), Type.String()),
  },
  { ...closed, $id: 'Root' },
);

/** All answers that are documents of their own, by name. */
export const ANSWERS = {
  Task,
  TaskWithEvents,
  TaskPage,
  Problem,
  Preview,
  ActionsAnswer,
  Usage,
  Ready,
  Live,
  Root,
};

/** Refers to an answer by its name, as routes do, so that the OpenAPI document has it once. */
export function refTo(name: keyof typeof ANSWERS): { $ref: string } {
  return { $ref: `${name}#` };
}
