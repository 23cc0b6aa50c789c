/** Longer names are compared by their beginnings: the work grows with the square of the length. */
const COMPARED = 40;

/** How many misspelt names an error lists: each is compared with all names. */
export const MAX_LISTED = 3;

/** Returns the names most like a misspelt one as an error lists them: quoted, and cut where they are long. */
export function listNearest(misspelt: string, names: readonly string[]): string {
  return nearestNames(misspelt, names)
    .map((name) => JSON.stringify(name.slice(0, 100)))
    .join(', ');
}

/** The names most like a misspelt one, the nearest first. Case does not count. */
export function nearestNames(misspelt: string, names: readonly string[], most = 3): string[] {
  const wanted = beginning(misspelt);
  return [...new Set(names)]
    .map((name) => ({ name, distance: editDistance(wanted, beginning(name)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name);
}

function beginning(name: string): string {
  return name.slice(0, COMPARED).toLowerCase().slice(0, COMPARED);
}

/** One row of distances is enough, and it is made once: an error compares thousands of names. */
const row = new Uint8Array(COMPARED + 1);

/** Returns the edit distance of two texts: characters inserted, deleted or changed (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  for (let j = 0; j <= b.length; j++) row[j] = j;
  for (let i = 0; i < a.length; i++) {
    const character = a.charCodeAt(i);
    let diagonal = i;
    row[0] = i + 1;
    for (let j = 0; j < b.length; j++) {
      const above = row[j + 1];
      const changed = character === b.charCodeAt(j) ? diagonal : diagonal + 1;
      row[j + 1] = Math.min(above + 1, row[j] + 1, changed);
      diagonal = above;
    }
  }
  return row[b.length];
}
