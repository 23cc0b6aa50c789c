import Type, { type Static } from 'typebox';
import { Code, count, described, nullable, oneOf, strict } from './schema-parts.js';
import { ACTIONS, KINDS, STATES, type State } from './states.js';

/** What operators are answered: commands to many tasks, usage, health, and the links at `/`. */

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
        strict,
      ),
    ),
  },
  strict,
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
  { ...strict, $id: 'ActionsAnswer' },
);
export type ActionsAnswer = Static<typeof ActionsAnswer>;

const Stored = Type.Object({ count: count(), bytes: count() }, strict);

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
      Type.Object(Object.fromEntries(STATES.map((state) => [state, count()])), strict),
    ),
    limits: Type.Object(
      {
        max_upload_bytes: nullable(count()),
        retention_days: nullable(count()),
        max_running_tasks: nullable(count()),
        max_stored_bytes: nullable(count()),
        max_requests_per_minute: nullable(count()),
      },
      { ...strict, description: 'Null where there is no such limit.' },
    ),
  },
  { ...strict, $id: 'Usage' },
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
  { ...strict, $id: 'Ready' },
);
export type Ready = Static<typeof Ready>;

export const Live = Type.Object({ status: oneOf(['ok']) }, { ...strict, $id: 'Live' });
export type Live = Static<typeof Live>;

export const Root = Type.Object(
  {
    service: Type.String(),
    start: Type.Array(Type.String()),
    links: Type.Record(Type.String(), Type.String()),
  },
  { ...strict, $id: 'Root' },
);
