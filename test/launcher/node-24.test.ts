import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { findNode24, runOn } from '../support/node-24.js';

const { engines } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));

const found = findNode24();

describe.skipIf('missing' in found)(`Node.js 24${'missing' in found ? ` (${found.missing})` : ''}`, () => {
  const node = 'node' in found ? found.node : '';

  it('is a release of the line that the image has and `engines` allows', () => {
    expect(runOn(node, ['--version']).output).toMatch(/^v24\./);
    expect(readFileSync(inProject('Dockerfile'), 'utf8')).not.toMatch(/FROM node:(?!24-)/);
    expect(engines.node).toBe('>=20.19 <25');
  });

  // The kernel, threads, the Temporal SDK's native part: they cover everything that a version of Node.js may change.
  it('runs the tests of `npm run check`', { timeout: 300_000 }, () => {
    const { status, output } = runOn(node, [inProject('node_modules/vitest/vitest.mjs'), 'run', '--project', 'pure']);
    expect(output).toMatch(/Tests +.*\d{3} passed/);
    expect(status, output.slice(-4_000)).toBe(0);
  });
});
