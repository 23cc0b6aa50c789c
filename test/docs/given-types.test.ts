import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { GIVEN_TYPE_NAMES } from '../../src/contract/given-type-names.js';

it('docs/api.md says of each given type what is accepted', () => {
  const section = /### Given types\n[\s\S]*?(?=\n##)/.exec(readFileSync(inProject('docs', 'api.md'), 'utf8'))![0];
  const named = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell!.replaceAll('`', '').split(', '));
  expect(named.sort()).toEqual([...GIVEN_TYPE_NAMES].sort());
});
