import Type, { type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './errors.js';
import { count, nullable, oneOf } from './schema-parts.js';
import { ACTIONS, CHANNELS, KINDS, PHASES, type Phase, STATES, type State, VERBS } from './states.js';

/**
 * What the API answers: the one source of the types, of the OpenAPI document and of the check that the tests make of
 * every answer. Bytes and rows are counts, rates are per second, times are ISO 8601 in UTC.
 */

/** Unknown fields would be answers that no schema tells of. */
const closed = { additionalProperties: false };

const Time = Type.String({ format: 'date-time' });
const Seconds = Type.Number({ minimum: 0 });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Code = oneOf(Object.keys(ERRORS) as ErrorCode[], 'says which error it is; see docs/errors.md');

const place = {
  row: Type.Optional(Type.Integer({ minimum: 1, description: 'the row of the file, from 1' })),
  byte_offset: Type.Optional(count('its first byte in the file, from 0')),
  column: Type.Optional(Type.String({ description: 'the name of the column in the header' })),
  column_number: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'the place of the column in the file, from 1; left out where two share the name',
    }),
  ),
  value: Type.Optional(Type.String({ description: 'the value, shortened' })),
};

export const TaskFault = Type.Object(
  { code: Code, detail: Type.String(), ...place },
  { ...closed, description: 'why a task failed, is paused at its reject limit, or cannot roll back yet' },
);
export type TaskFault = Static<typeof TaskFault>;

export const ReceiptColumn = Type.Object(
  {
    original: Type.String({ description: 'the name in the header of the file' }),
    name: Type.String({ description: 'the name in the table' }),
    type: Type.String({ description: 'the type in the table' }),
    form: Type.Optional(
      Type.String({ description: 'how the values are written, where PostgreSQL writes them otherwise: DD.MM.YYYY' }),
    ),
    evidence: Type.String({ description: 'why the column got its type, in one sentence' }),
    number: Type.Optional(Type.Integer({ description: 'the number of an exported column in its table' })),
  },
  closed,
);
export type ReceiptColumn = Static<typeof ReceiptColumn>;

const ExportFormat = Type.Object(
  {
    encoding: Type.String(),
    bom: Type.Boolean(),
    delimiter: Type.String(),
    quote: Type.String(),
    escape: Type.String(),
    newline: oneOf(['\n', '\r\n', '\r'], 'the line end'),
    header: Type.Boolean(),
    quoted_header: Type.Boolean(),
    quoted: Type.Union([oneOf(['needed', 'all']), Type.Array(Type.Integer({ minimum: 1 }))], {
      description: 'the fields that are quoted although they need not be: none, all, or those of these columns',
    }),
    final_newline: Type.Boolean(),
    compression: nullable(oneOf(['gzip'])),
  },
  { ...closed, description: 'how the file of a download is written, where the request says' },
);

export const Receipt = Type.Object(
  {
    rows_in_file: count(),
    rows_loaded: count(),
    rows_rejected: count(),
    bytes: count(),
    sha256: Sha256,
    columns: Type.Array(ReceiptColumn),
    parts: count(),
    seconds: Type.Unsafe<Partial<Record<Phase, number>>>(
      Type.Object(Object.fromEntries(PHASES.map((phase) => [phase, Type.Optional(Seconds)])), closed),
    ),
    file: Type.Optional(
      Type.Object({ size: count(), sha256: Sha256 }, { ...closed, description: 'the result of a download' }),
    ),
    consistency: Type.Optional(oneOf(['live', 'frozen'])),
    formulas: Type.Optional(oneOf(['raw', 'escape'])),
    format: Type.Optional(ExportFormat),
    same_as_source: Type.Optional(
      Type.Boolean({ description: 'of an export with like_source: whether it is the uploaded file, byte for byte' }),
    ),
  },
  { ...closed, description: 'the account of a completed task: rows_in_file = rows_loaded + rows_rejected' },
);

const taskFields = {
  user_id: Type.String(),
  task_name: Type.String(),
  kind: oneOf(KINDS),
  state: oneOf(STATES),
  phase: nullable(oneOf(PHASES)),
  progress: Type.Number({ minimum: 0, maximum: 100, description: 'over all phases, in percent; it never falls' }),
  bytes: Type.Object({ done: count(), total: nullable(count()) }, closed),
  rows: Type.Object({ done: count(), total: nullable(count()), rejected: count() }, closed),
  bytes_per_second: Type.Number({ minimum: 0 }),
  rows_per_second: Type.Number({ minimum: 0 }),
  eta_seconds: nullable(Seconds),
  active_seconds: Seconds,
  paused_seconds: Seconds,
  allowed_actions: Type.Array(oneOf(ACTIONS)),
  pause_reasons: Type.Array(Type.String()),
  table: nullable(
    Type.String({ description: 'qualified and quoted, from the moment it is published: "public"."sales"' }),
  ),
  download_url: nullable(Type.String()),
  receipt: nullable(Receipt),
  error: nullable(TaskFault),
  warnings: Type.Array(Type.String(), { description: 'what a caller should know although nothing failed' }),
  held: Type.Object(
    { connections: count(), activities: count(), locks: count() },
    { ...closed, description: 'what the task holds at this moment' },
  ),
  workflow_id: Type.String(),
  version: count(),
  created_at: Time,
  updated_at: Time,
  finished_at: nullable(Time),
  superseded_at: nullable(
    Type.String({ format: 'date-time', description: 'when a new start took the name of the task' }),
  ),
};

export const Task = Type.Object(taskFields, { ...closed, $id: 'Task' });

export const TaskEvent = Type.Object(
  {
    at: Time,
    channel: oneOf(CHANNELS),
    actor: nullable(
      Type.String({ description: 'who wanted it, as far as that is known; null for the service itself' }),
    ),
    action: oneOf([...VERBS, 'noted'], 'what happened; `noted` is a remark without a change of state'),
    reason: nullable(Type.String()),
    from_state: oneOf(STATES),
    to_state: oneOf(STATES),
  },
  closed,
);
export type TaskEvent = Static<typeof TaskEvent>;

export const TaskWithEvents = Type.Object(
  { ...taskFields, task_events: Type.Array(TaskEvent, { description: 'the last hundred changes, the oldest first' }) },
  { ...closed, $id: 'TaskWithEvents' },
);
export type TaskWithEvents = Static<typeof TaskWithEvents>;

export const TaskPage = Type.Object(
  {
    tasks: Type.Array(Type.Object(taskFields, closed)),
    next: nullable(Type.String({ description: 'for `after` of the next page; null at the end' })),
  },
  { ...closed, $id: 'TaskPage' },
);
export type TaskPage = Static<typeof TaskPage>;

const FieldError = Type.Object(
  {
    field: Type.String(),
    value: Type.Optional(Type.Unknown({ description: 'the value that was refused, shortened' })),
    detail: Type.String(),
  },
  closed,
);

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'what is wrong, and what to do' }),
    code: Code,
    instance: Type.String(),
    ...place,
    errors: Type.Optional(Type.Array(FieldError)),
    current_state: Type.Optional(oneOf(STATES)),
    allowed_actions: Type.Optional(Type.Array(oneOf(ACTIONS))),
    retry_after: Type.Optional(count('seconds')),
  },
  { ...closed, $id: 'Problem', description: 'a problem document (RFC 9457)' },
);
export type Problem = Static<typeof Problem>;

const ActionResult = Type.Object(
  {
    kind: oneOf(KINDS),
    user_id: Type.String(),
    task_name: Type.String(),
    result: oneOf(['ok', 'no_op', 'error']),
    state: nullable(oneOf(STATES, 'the state after the command; null when the task is gone or was not found')),
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
    limit: count('how many tasks one request commands at most'),
    next: nullable(Type.String({ description: 'for `after` of the next request; null at the end' })),
    results: Type.Array(ActionResult),
  },
  { ...closed, $id: 'ActionsAnswer' },
);
export type ActionsAnswer = Static<typeof ActionsAnswer>;

const Stored = Type.Object({ count: count(), bytes: count() }, closed);

export const Usage = Type.Object(
  {
    user_id: nullable(Type.String()),
    bytes_stored: count(),
    sources: Stored,
    results: Stored,
    tables: Stored,
    staging_tables: Stored,
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
      { ...closed, description: 'null where there is no such limit' },
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
