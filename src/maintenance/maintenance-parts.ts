import type { Store } from '../storage/store.js';
import type { TemporalParts } from '../temporal/temporal-parts.js';

/** What the chores of the service work with. */
export interface MaintenanceParts extends TemporalParts {
  store: Store;
}
