/**
 * Returns how many rows may be rejected.
 * @param limit a number, or a share of the rows such as `1%`
 * @param rows of the file; null as long as they are not counted, when a share sets no limit yet
 */
export function allowedRejects(limit: number | string, rows: number | null): number {
  if (typeof limit === 'number') return limit;
  return rows === null ? Number.POSITIVE_INFINITY : Math.floor((rows * Number.parseFloat(limit)) / 100 + 1e-9);
}
