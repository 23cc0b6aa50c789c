import { cutToBytes } from '../contract/cut-to-bytes.js';
import { MAX_NAME_BYTES } from '../contract/limits.js';

/** Returns the wished name, or the first of `wished_2`, `wished_3`, … that nothing in the schema has. */
export function firstFreeName(wished: string, taken: ReadonlySet<string>): string {
  // A table brings the type of its arrays along, which is called `_name`.
  const isTaken = (name: string) => taken.has(name) || taken.has(longestName(`_${name}`));
  let name = longestName(wished);
  for (let n = 2; isTaken(name); n++) name = withSuffix(wished, `_${n}`);
  return name;
}

/** Returns the name as PostgreSQL keeps it: cut on a character border where it is too long. */
export function longestName(name: string): string {
  return withSuffix(name, '');
}

/** Returns the name with a suffix, cut on a character border so that PostgreSQL keeps all of the suffix. */
export function withSuffix(name: string, suffix: string): string {
  return cutToBytes(name, MAX_NAME_BYTES - Buffer.byteLength(suffix)) + suffix;
}
