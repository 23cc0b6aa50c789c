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
  const short = (name: string) => [...name.slice(0, COMPARED).toLowerCase()];
  const wanted = short(misspelt);
  return [...new Set(names)]
    .map((name) => ({ name, distance: editDistance(wanted, short(name)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name);
}

/** Returns the edit distance of two texts: characters inserted, deleted or changed (Levenshtein 1966). */
function editDistance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, character] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (character === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
