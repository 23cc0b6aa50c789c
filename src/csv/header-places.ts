/** The places of columns by the names that a caller has for them. Made once for a header: to find one is quick. */
export class HeaderPlaces {
  readonly #exact: ReadonlyMap<string, number[]>;
  readonly #headers: readonly string[];
  readonly #taken: boolean[] = [];
  #trimmed?: ReadonlyMap<string, number[]>;

  constructor(headers: readonly string[]) {
    this.#headers = headers;
    this.#exact = placesBy(headers, (header) => header);
  }

  /** Returns the places of the columns that have the name as it is. */
  exact(name: string): readonly number[] {
    return this.#exact.get(name) ?? [];
  }

  /**
   * Returns the place of the column that a caller means by a name: as it is in the header, else but for spaces around
   * it and byte order marks before it. A place that `take` has returned does not count.
   */
  find(name: string): number | undefined {
    const isFree = (place: number) => !this.#taken[place];
    const exact = this.exact(name).find(isFree);
    if (exact !== undefined) return exact;
    this.#trimmed ??= placesBy(this.#headers, trimmed);
    const places = this.#trimmed.get(trimmed(name)) ?? [];
    const place = places.find(isFree);
    return places.some((other) => other !== place && isFree(other)) ? undefined : place;
  }

  /** Returns the place as `find` does, and takes it. */
  take(name: string): number | undefined {
    const place = this.find(name);
    if (place !== undefined) this.#taken[place] = true;
    return place;
  }
}

function placesBy(headers: readonly string[], keyOf: (header: string) => string): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, header] of headers.entries()) {
    const key = keyOf(header);
    const known = places.get(key);
    if (known) known.push(place);
    else places.set(key, [place]);
  }
  return places;
}

function trimmed(name: string): string {
  return name
    .replace(/^\ufeff+/, '')
    .trim()
    .normalize('NFC');
}
