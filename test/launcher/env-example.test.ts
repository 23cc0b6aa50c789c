import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { STARTER_VARIABLES } from '../../launcher/config.js';
import { inProject } from '../../launcher/paths.js';
import { VARIABLES } from '../../src/config.js';

test('.env.example names every variable that is read, and no other', () => {
  const named = [...readFileSync(inProject('.env.example'), 'utf8').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(
    ([, name]) => name,
  );
  const notForUsers = ['NODE_ENV', 'FAILPOINT'];
  const read = new Set([...Object.keys(VARIABLES), ...Object.keys(STARTER_VARIABLES)]);
  for (const name of notForUsers) read.delete(name);
  // Read by Compose alone.
  for (const name of ['POSTGRES_PASSWORD', 'APP_PASSWORD', 'EXPORT_PASSWORD']) read.add(name);
  expect(named.toSorted()).toEqual([...read].toSorted());
});
