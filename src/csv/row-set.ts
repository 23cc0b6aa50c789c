/** Row numbers in ascending order. */
export class RowSet {
  readonly #rows: number[];

  constructor(rows: Iterable<number> = []) {
    this.#rows = [...rows].sort((a, b) => a - b);
  }

  add(row: number): void {
    const at = this.#indexFrom(row);
    if (this.#rows[at] !== row) this.#rows.splice(at, 0, row);
  }

  /** The first row of the set that is not below this one; infinite if there is none. */
  from(row: number): number {
    return this.#rows[this.#indexFrom(row)] ?? Number.POSITIVE_INFINITY;
  }

  #indexFrom(row: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
