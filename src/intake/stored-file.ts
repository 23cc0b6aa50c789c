import type { Source } from '../contract/task.js';
import type { Store } from '../storage/store.js';
import type { FileOptions } from './file-options.js';
import type { ScannedPart } from './scan-part.js';

/** What was found in a file while it arrived. */
export interface Inspected {
  /** The options by which the file was checked and inspected. */
  options: FileOptions;
  /** The parts from the beginning of the data on, as far as they were found. */
  parts: ScannedPart[];
}

/**
 * A file in the store that belongs to no task yet. Its owner always releases it in the end, which removes the file if
 * no task owns it by then.
 */
export class StoredFile {
  readonly #store: Pick<Store, 'remove'>;
  readonly source: Source;
  readonly inspected: Inspected;
  #isOwned = true;

  constructor(store: Pick<Store, 'remove'>, source: Source, inspected: Inspected) {
    this.#store = store;
    this.source = source;
    this.inspected = inspected;
  }

  /** Ends the ownership: a task has the file, or may have it. */
  handOver(): void {
    this.#isOwned = false;
  }

  /** Removes the file if it is still owned. Never rejects: the sweep of orphans removes a file that is left. */
  async release(): Promise<void> {
    if (!this.#isOwned) return;
    this.#isOwned = false;
    await this.#store.remove(this.source.key).catch(() => {});
  }
}
