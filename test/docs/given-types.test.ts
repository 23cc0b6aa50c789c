import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { GIVEN_TYPE_NAMES } from '../../src/contract/given-type-names.js';

it('docs/given-types.md says of each given type what is accepted', () => {
  const page = readFileSync(inProject('docs', 'given-types.md'), 'utf8');
  const named = [...page.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell!.replaceAll('`', '').split(', '));
  expect(named.sort()).toEqual([...GIVEN_TYPE_NAMES].sort());
});
