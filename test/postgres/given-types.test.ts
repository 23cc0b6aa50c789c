import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GIVEN_TYPE_NAMES, type GivenTypeName } from '../../src/contract/given-type-names.js';
import { givenType } from '../../src/csv/given-types.js';
import { type Near, near } from './near-values.js';
import { sameValue } from './same-value.js';
import { useDatabase } from './support.js';

const database = useDatabase();

interface Seen {
  value: string;
  isValid: boolean;
  /** As PostgreSQL writes it; null where it refuses it. */
  back: string | null;
}

/** What PostgreSQL makes of the values, in a session as the service's. */
async function seenByPostgres(type: string, values: string[]): Promise<Seen[]> {
  const { rows } = await database.pool.query(
    `SELECT value, pg_input_is_valid(value, $2) AS "isValid",
            CASE WHEN pg_input_is_valid(value, $2) THEN value::${type}::text END AS back
       FROM unnest($1::text[]) WITH ORDINALITY AS t (value, place) ORDER BY place`,
    [values, type],
  );
  return rows;
}

/** A boolean is exported by COPY as it is stored, a cast to text writes the word. */
const exported = (type: string, back: string) => (type === 'boolean' ? back[0]! : back);

it.each(GIVEN_TYPE_NAMES.filter((type) => type !== 'text'))(
  '%s: a value that is accepted comes back the same, and PostgreSQL refuses none',
  async (type) => {
    const { values, accepted } = samples(near[type as keyof Near]);
    const wrong: unknown[] = [];
    const seen = await seenByPostgres(type, values);
    for (const { value, isValid, back } of seen) {
      const isAccepted = givenType(type)!.accepts(value);
      if (isAccepted && !isValid) wrong.push([value, 'refused by PostgreSQL']);
      else if (isAccepted && !sameValue(type as GivenTypeName, value, exported(type, back!)))
        wrong.push([value, 'comes back as', back]);
      // Even where the spelling is not accepted, what PostgreSQL writes for the value must be.
      if (back !== null && !isTooLong(type, back) && !givenType(type)!.accepts(exported(type, back)))
        wrong.push([value, 'is written', back]);
    }
    expect(wrong.slice(0, 20)).toEqual([]);
    for (const value of accepted) expect([value, givenType(type)!.accepts(value)]).toEqual([value, true]);
    expect(seen.filter(({ value }) => givenType(type)!.accepts(value)).length).toBeGreaterThan(50);
  },
);

/** Parts of an interval have at most eight digits. */
const isTooLong = (type: string, back: string) => type === 'interval' && /\d{9}/.test(back);

function samples({ arbitrary, accepted, refused }: Near[keyof Near]): { values: string[]; accepted: string[] } {
  const drawn = fc.sample(arbitrary, { numRuns: 4_000 });
  return { values: [...new Set([...drawn, ...accepted, ...refused])], accepted };
}

it.each(Object.entries(near))('%s: what would be altered or guessed at is refused', (type, { refused }) => {
  expect(refused.filter((value) => givenType(type)!.accepts(value))).toEqual([]);
});

it('documents that are nested too deep for the stack of PostgreSQL are refused', () => {
  for (const depth of [1_001, 100_000])
    for (const type of ['json', 'jsonb'])
      expect(givenType(type)!.accepts(`${'['.repeat(depth)}${']'.repeat(depth)}`)).toBe(false);
});

it('values of megabytes are checked in time in proportion', () => {
  const n = 2_000_000;
  const long = [
    `1${'0'.repeat(n)}1`,
    `${'0'.repeat(n)}x`,
    `1.${'0'.repeat(n)}1`,
    `\\x${'ab'.repeat(n)}`,
    '1 year '.repeat(n),
  ];
  long.push(`2024-01-31 10:00:00.${'0'.repeat(n)}x`, `"${'a'.repeat(n)}"`, ' '.repeat(n), ':'.repeat(n), '['.repeat(n));
  const began = performance.now();
  for (const type of GIVEN_TYPE_NAMES) for (const value of long) givenType(type)!.accepts(value);
  expect(givenType('bytea')!.accepts(long[3]!)).toBe(true);
  expect(performance.now() - began).toBeLessThan(20_000);
});
