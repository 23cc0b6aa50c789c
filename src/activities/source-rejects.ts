import type { RecordPlace } from '../intake/record-walker.js';
import { findRecords, unpackPlaces } from '../intake/source-records.js';
import type { Store } from '../storage/store.js';
import type { Reject } from '../tasks/rejects.js';
import { asUpload, type TaskRow } from '../tasks/tasks.js';
import { withSource } from './source.js';

/** Gives rejects of a text that was converted the record, and its place, that the uploaded file has. */
export class SourceRejects {
  readonly #store: Store;
  readonly #task: TaskRow;
  #places: RecordPlace[] | undefined;

  constructor(store: Store, task: TaskRow) {
    this.#store = store;
    this.#task = task;
  }

  /** @param rejects of rows that are known by the text alone, ascending */
  async find(rejects: Reject[]): Promise<Reject[]> {
    const { converted } = asUpload(this.#task);
    if (rejects.length === 0 || !converted?.reading || converted.places === null) return rejects;
    const { reading, raw } = converted;
    this.#places ??= unpackPlaces(await readAll(this.#store, converted.places));
    const rows = rejects.map(({ row }) => row);
    const found = await withSource(this.#store, raw, (file) => findRecords(file, reading, this.#places!, rows));
    return rejects.map((reject) => ({ ...reject, ...found.get(reject.row) }));
  }
}

async function readAll(store: Store, key: string): Promise<Buffer> {
  const file = await store.open(key);
  try {
    const buffer = Buffer.alloc(file.size);
    await file.read(buffer, 0);
    return buffer;
  } finally {
    await file.close();
  }
}
