import { type FieldError, invalidRequest } from '../contract/errors.js';
import type { Criteria } from '../contract/operator-requests.js';
import { STATES, type State } from '../contract/states.js';
import type { TaskFilter } from '../tasks/task-filter.js';

/**
 * Makes a filter of what a request says. @throws {TaskError} invalid_request, which names each unknown state and each
 * bad time
 */
export function readFilter(criteria: Criteria, prefix = ''): TaskFilter {
  const errors: FieldError[] = [];
  const { user_id, kind, state, q } = criteria;
  const time = (field: 'created_after' | 'created_before' | 'finished_before') => {
    // In an address a + that is not written %2B arrives as a space.
    const value = criteria[field]?.replace(' ', '+');
    if (value === undefined || isTime(value)) return value;
    errors.push({
      field: prefix + field,
      value,
      detail: `must be a valid date and time, its offset at most ${MAX_OFFSET}`,
    });
    return undefined;
  };
  const states = state?.split(',').map((name) => name.trim());
  const unknown = states?.filter((name) => !STATES.includes(name as State)) ?? [];
  if (unknown.length > 0) {
    const named = unknown.map((name) => `"${name}"`).join(', ');
    errors.push({
      field: `${prefix}state`,
      value: state,
      detail: `has no state ${named}; states are ${STATES.join(', ')}`,
    });
  }
  const filter: TaskFilter = {
    userId: user_id?.normalize('NFC'),
    kind,
    states: states as State[] | undefined,
    q: q?.normalize('NFC'),
    createdAfter: time('created_after'),
    createdBefore: time('created_before'),
    finishedBefore: time('finished_before'),
  };
  if (errors.length > 0) throw invalidRequest(errors);
  return filter;
}

/** PostgreSQL stores no larger offset. */
const MAX_OFFSET = '15:59';

/** Its form is known already (RFC 3339, 5.6). `Date` alone would take the 30th of February for the 2nd of March. */
function isTime(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  const date = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const isDay = date.getUTCMonth() + 1 === month && date.getUTCDate() === day && year > 0;
  const isOffset = text.endsWith('Z') || text.slice(-5) <= MAX_OFFSET;
  return isDay && isOffset && !Number.isNaN(Date.parse(text));
}
