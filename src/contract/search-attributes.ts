import { defineSearchAttributeKey } from '@temporalio/common';

/** The search attributes by which Temporal's Web UI and CLI find the tasks' workflows, all of type Keyword. */
export const USER_ATTRIBUTE = defineSearchAttributeKey('LongTaskUser', 'KEYWORD');
export const KIND_ATTRIBUTE = defineSearchAttributeKey('LongTaskKind', 'KEYWORD');
export const NAME_ATTRIBUTE = defineSearchAttributeKey('LongTaskName', 'KEYWORD');
/** The state of the task: set by the start, kept true by the workflow. */
export const STATE_ATTRIBUTE = defineSearchAttributeKey('LongTaskState', 'KEYWORD');

/** The names of all of them, as a server has to know them. */
export const SEARCH_ATTRIBUTES = [USER_ATTRIBUTE, KIND_ATTRIBUTE, NAME_ATTRIBUTE, STATE_ATTRIBUTE].map(
  ({ name }) => name,
);
