import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inProject } from '../launcher/paths.js';
import { longLinesOf, type Prose, proseOf } from './support/prose.js';
import { WORDS } from './support/prose-words.js';

/**
 * The files whose prose is checked. Migrations are absent: a migration that ran once must never change again, so its
 * comments keep the words of its time.
 */
const COVERED = [
  ...['src', 'launcher', 'testkit', 'faults', 'demo', 'bench', 'test', 'docs'],
  ...['README.md', 'CHANGELOG.md', '.env.example'],
];

/** Texts of earlier versions, by which this one recognises in Temporal what they did. */
const FIXED = ['Long-Task begins this workflow anew: its steps fail again and again'];

describe('the prose', () => {
  const files = COVERED.flatMap(filesIn);

  // Parsing takes most of the time: it would otherwise count as the first test's.
  beforeAll(() => {
    for (const file of files) proseOf(file);
  });

  it('is found in comments, texts, titles and pages, and code is not', () => {
    const textsOf = (file: string) => proseOf(file).map(({ text }) => text.trim());
    expect(textsOf('src/contract/errors.ts')).toContain('Task not found');
    expect(textsOf('src/contract/errors.ts')).toContain('The task');
    expect(textsOf('test/prose.test.ts')).toContain('keeps to 120 columns');
    expect(textsOf('test/prose.test.ts')).not.toContain('Task not found');
    expect(textsOf('docs/errors.md')[0]).toContain('Task not found');
    expect(textsOf('docs/errors.md')[0]).not.toContain('task_not_found');
  });

  it.each(WORDS)('says nothing that matches %s', (pattern, instead) => {
    const hits = files.flatMap((file) => proseOf(file).flatMap((prose) => hitsOf(pattern, file, prose)));
    expect(hits, `write: ${instead}`).toEqual([]);
  });

  it('keeps to 120 columns', () => {
    const long = files.flatMap((file) => longLinesOf(file).map((line) => `${file}:${line}`));
    expect(long).toEqual([]);
  });
});

/** The sources and pages of a folder, or the file itself. */
function filesIn(name: string): string[] {
  if (statSync(inProject(name)).isFile()) return [name];
  return readdirSync(inProject(name), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:[cm]?ts|mjs|md)$/.test(file))
    .map((file) => path.join(name, file));
}

/** Returns where a pattern matches, also across a line break. */
function hitsOf(pattern: RegExp, file: string, { line, text }: Prose): string[] {
  if (FIXED.includes(text)) return [];
  const anywhere = new RegExp(pattern.source.replaceAll(' ', '\\s+'), 'gi');
  return [...text.matchAll(anywhere)].map(
    ({ 0: word, index }) =>
      `${file}:${line + text.slice(0, index).split('\n').length - 1}: ${word.replace(/\s+/g, ' ')}`,
  );
}
