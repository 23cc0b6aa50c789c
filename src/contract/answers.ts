import Type, { type Static } from 'typebox';
import { ActionsAnswer, Live, Ready, Root, Usage } from './operator-answers.js';
import { Receipt, ShownDialect } from './receipt.js';
import { Code, count, described, nullable, oneOf, Seconds, strict } from './schema-parts.js';
import { ACTIONS, CHANNELS, KINDS, PHASES, STATES, VERBS } from './states.js';

/**
 * What the API answers: the one source of the types, of the OpenAPI document and of the check that the tests make of
 * every answer. Bytes and rows are counts, rates are per second, times are ISO 8601 in UTC.
 */

const Time = Type.String({ format: 'date-time' });
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
  { ...strict, description: 'Why a task failed, is paused and asks, or cannot roll back yet.' },
);
export type TaskFault = Static<typeof TaskFault>;

const taskFields = {
  user_id: Type.String(),
  task_name: Type.String(),
  kind: oneOf(KINDS),
  state: oneOf(STATES),
  phase: described(nullable(oneOf(PHASES)), 'Null before the start and at the end.'),
  progress: Type.Number({ minimum: 0, maximum: 100, description: 'Over all phases, in percent. It never falls.' }),
  bytes: Type.Object(
    { done: count(), total: nullable(count()) },
    { ...strict, description: 'What is committed. The total of a download is known only at the end.' },
  ),
  rows: Type.Object(
    { done: count(), total: nullable(count()), rejected: count() },
    {
      ...strict,
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
    { ...strict, description: 'Sessions and locks in PostgreSQL, and steps that work. All 0 when the task is paused.' },
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

export const Task = Type.Object(taskFields, { ...strict, $id: 'Task' });

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
  strict,
);
export type TaskEvent = Static<typeof TaskEvent>;

export const TaskWithEvents = Type.Object(
  {
    ...taskFields,
    task_events: Type.Array(TaskEvent, { description: 'The last hundred changes of state, the oldest first.' }),
  },
  { ...strict, $id: 'TaskWithEvents' },
);
export type TaskWithEvents = Static<typeof TaskWithEvents>;

export const TaskPage = Type.Object(
  {
    tasks: Type.Array(Type.Object(taskFields, strict)),
    next: nullable(Type.String({ description: 'For `after` of the next page; null at the end.' })),
  },
  { ...strict, $id: 'TaskPage' },
);
export type TaskPage = Static<typeof TaskPage>;

const FieldError = Type.Object(
  {
    field: Type.String(),
    value: Type.Optional(Type.Unknown({ description: 'The value that was refused, shortened.' })),
    detail: Type.String(),
  },
  strict,
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
  { ...strict, $id: 'Problem', description: 'A problem document (RFC 9457).' },
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
        strict,
      ),
      { description: 'The columns that the table would get, in its order.' },
    ),
    rows: Type.Array(Type.Array(nullable(Type.String())), { description: 'The first rows that can be loaded.' }),
    question: nullable(Type.String({ description: 'What must be given before the file can be loaded.' })),
    warnings: Type.Array(Type.String(), { description: 'What should be checked, one sentence each.' }),
  },
  { ...strict, $id: 'Preview', description: 'What the first MiB of a file says. Nothing of it is stored.' },
);
export type Preview = Static<typeof Preview>;

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
