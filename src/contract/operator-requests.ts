import Type, { type Static } from 'typebox';
import { Reason } from './requests.js';
import { oneOf, STORABLE, strict, TaskName, UserId, yesOrNo } from './schema-parts.js';
import { ACTIONS, KINDS } from './states.js';

/** Orders of a list; a leading minus sorts in descending order. */
export const SORTS = ['-created', 'created', '-updated', 'updated', '-finished', 'finished', '-name', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** What the requests of operators may hold: lists, deletes, commands to many tasks, usage. */

const TIME_RULE = 'a time in ISO 8601 with its offset, such as 2026-01-31T09:00:00Z';
// In an address a + that is not written %2B arrives as a space.
const time = (description: string) =>
  Type.String({
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[-+ ]\\d\\d:\\d\\d)$',
    rule: TIME_RULE,
    description,
  });
const after = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]{1,2000}$', rule: 'the "next" of the page before', description });

/** By what tasks are chosen, in a list and for a command to many. */
const criteria = {
  user_id: Type.Optional(UserId),
  kind: Type.Optional(oneOf(KINDS)),
  state: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      rule: 'a state, or several separated by commas',
      description: 'Their states.',
    }),
  ),
  q: Type.Optional(
    Type.String({
      pattern: `^(?!.*\\p{Cc})${STORABLE}{1,128}$`,
      rule: 'a text of 1 to 128 characters, without control characters',
      description:
        'A text in the name of the task or of its table, in any case; % and _ are themselves. Quotes of a table are left out: public.sales.',
    }),
  ),
  created_after: Type.Optional(time('Only tasks that were made later.')),
  created_before: Type.Optional(time('Only tasks that were made earlier.')),
  finished_before: Type.Optional(time('Only tasks that ended earlier.')),
};

export const Criteria = Type.Object(criteria, strict);
export type Criteria = Static<typeof Criteria>;

export const ListQuery = Type.Object(
  {
    ...criteria,
    history: Type.Optional(
      yesOrNo(
        'Lists the tasks that gave up their names to later ones, instead of those that have them. Default: false.',
      ),
    ),
    sort: Type.Optional(
      oneOf(SORTS, {
        description:
          'A leading minus sorts in descending order. Names sort by code point. By finished, a task that has not ended counts as the latest. Default: -created.',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 200,
        rule: 'a whole number, 1 to 200',
        description: 'How many a page holds at most. Default: 50.',
      }),
    ),
    after: Type.Optional(after('Where the page begins: `next` of the page before, with the same filters and sort.')),
  },
  strict,
);
export type ListQuery = Static<typeof ListQuery>;

export const UsageQuery = Type.Object({ user_id: Type.Optional(UserId) }, strict);
export type UsageQuery = Static<typeof UsageQuery>;

export const DeleteUploadQuery = Type.Object(
  {
    user_id: UserId,
    drop_table: Type.Optional(yesOrNo('Whether the table that the upload has published goes, too. Default: false.')),
  },
  strict,
);
export type DeleteQuery = Static<typeof DeleteUploadQuery>;

/** How many tasks one request commands at most. */
export const MAX_TASKS = 200;

const NamedTask = Type.Object(
  { kind: oneOf(KINDS), task_name: TaskName, user_id: Type.Optional(UserId) },
  { ...strict, rule: 'an object with kind, task_name and, unless it is given for all, user_id' },
);
export type NamedTask = Static<typeof NamedTask>;

export const ActionsBody = Type.Object(
  {
    action: oneOf([...ACTIONS, 'delete'], { description: 'The command; delete leaves the tables.' }),
    user_id: Type.Optional(UserId),
    filter: Type.Optional(
      Type.Object(criteria, {
        ...strict,
        minProperties: 1,
        rule: `an object with at least one of ${Object.keys(criteria).join(', ')}`,
        description: 'Which tasks, as in the list.',
      }),
    ),
    tasks: Type.Optional(
      Type.Array(NamedTask, {
        minItems: 1,
        maxItems: MAX_TASKS,
        rule: `an array of 1 to ${MAX_TASKS} objects with kind and task_name`,
        description: 'Which tasks by name, in place of a filter.',
      }),
    ),
    reason: Type.Optional(Reason),
    dry_run: Type.Optional(
      yesOrNo('Reports what would happen, by the present states of the tasks, and changes nothing. Default: false.'),
    ),
    after: Type.Optional(after('With a filter: `next` of the answer before.')),
  },
  strict,
);
export type ActionsBody = Static<typeof ActionsBody>;
