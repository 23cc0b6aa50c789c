import Type, { type Static } from 'typebox';
import { Reason } from './requests.js';
import { oneOf, STORABLE, strict, TaskName, UserId } from './schema-parts.js';
import { ACTIONS, KINDS } from './states.js';

/** Orders of a list: by time, the latest first with a minus. */
export const SORTS = ['-created', 'created', '-updated', 'updated', '-finished', 'finished', '-name', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** What the requests of operators may hold: lists, deletes, commands to many tasks, usage. */

const TIME_RULE = 'a time in ISO 8601 with its offset, such as 2026-01-31T09:00:00Z';
// In an address a + that is not written %2B arrives as a space.
const Time = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[-+ ]\\d\\d:\\d\\d)$',
  description: TIME_RULE,
});
const Bool = Type.Boolean({ description: 'true or false' });
const After = Type.String({ pattern: '^[A-Za-z0-9_-]{1,2000}$', description: 'the "next" of the page before' });

/** By what tasks are chosen, in a list and for a command to many. */
const criteria = {
  user_id: Type.Optional(UserId),
  kind: Type.Optional(oneOf(KINDS)),
  state: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'a state, or several separated by commas' }),
  ),
  q: Type.Optional(
    Type.String({
      pattern: `^(?!.*\\p{Cc})${STORABLE}{1,128}$`,
      description: 'a text of 1 to 128 characters, without control characters',
    }),
  ),
  created_after: Type.Optional(Time),
  created_before: Type.Optional(Time),
  finished_before: Type.Optional(Time),
};

export const Criteria = Type.Object(criteria, strict);
export type Criteria = Static<typeof Criteria>;

export const ListQuery = Type.Object(
  {
    ...criteria,
    history: Type.Optional(Bool),
    sort: Type.Optional(oneOf(SORTS)),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'a whole number, 1 to 200' })),
    after: Type.Optional(After),
  },
  strict,
);
export type ListQuery = Static<typeof ListQuery>;

export const UsageQuery = Type.Object({ user_id: Type.Optional(UserId) }, strict);
export type UsageQuery = Static<typeof UsageQuery>;

export const DeleteUploadQuery = Type.Object({ user_id: UserId, drop_table: Type.Optional(Bool) }, strict);
export type DeleteQuery = Static<typeof DeleteUploadQuery>;

/** How many tasks one request commands at most. */
export const MOST_TASKS = 200;

const NamedTask = Type.Object(
  { kind: oneOf(KINDS), task_name: TaskName, user_id: Type.Optional(UserId) },
  { ...strict, description: 'an object with kind, task_name and, unless it is given for all, user_id' },
);
export type NamedTask = Static<typeof NamedTask>;

export const ActionsBody = Type.Object(
  {
    action: oneOf([...ACTIONS, 'delete']),
    user_id: Type.Optional(UserId),
    filter: Type.Optional(
      Type.Object(criteria, {
        ...strict,
        minProperties: 1,
        description: `an object with at least one of ${Object.keys(criteria).join(', ')}`,
      }),
    ),
    tasks: Type.Optional(
      Type.Array(NamedTask, {
        minItems: 1,
        maxItems: MOST_TASKS,
        description: `an array of 1 to ${MOST_TASKS} objects with kind and task_name`,
      }),
    ),
    reason: Type.Optional(Reason),
    dry_run: Type.Optional(Bool),
    after: Type.Optional(After),
  },
  strict,
);
export type ActionsBody = Static<typeof ActionsBody>;
