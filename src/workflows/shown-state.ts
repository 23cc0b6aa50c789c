import { patched, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { STATE_ATTRIBUTE } from '../contract/search-attributes.js';
import type { State } from '../contract/states.js';
import { type About, detailsOf } from './current-details.js';
import { hasFewStepsPatch } from './few-steps-patch.js';

/** Histories from before this patch hold no upsert. */
const PATCH = 'state-as-search-attribute';

/** Shows the state of the task in Temporal: in the current details, and as search attribute where that changes. */
export function showState(state: State, about: Omit<About, 'workflowId'>): void {
  const { workflowId, typedSearchAttributes } = workflowInfo();
  setCurrentDetails(detailsOf(state, { ...about, workflowId }));
  const shown = typedSearchAttributes.get(STATE_ATTRIBUTE);
  // Only if the start carried it: a server that does not know the attribute would fail the workflow task for ever.
  if (shown === undefined || shown === state) return;
  if (!hasFewStepsPatch() && !patched(PATCH)) return;
  upsertSearchAttributes([{ key: STATE_ATTRIBUTE, value: state }]);
}
