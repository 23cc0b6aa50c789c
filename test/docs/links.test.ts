import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { STARTER_VARIABLES } from '../../launcher/config.js';
import { inProject, projectRoot } from '../../launcher/paths.js';
import { VARIABLES } from '../../src/config.js';

/** Every page of documentation, by its path from the root. */
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(inProject('docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.join('docs', file)),
];

const ROOMS = readdirSync(projectRoot).filter(
  (name) => statSync(inProject(name)).isDirectory() && !name.startsWith('.') && name !== 'node_modules',
);

const text = (page: string) => readFileSync(inProject(page), 'utf8');

/** The page without its blocks of code, in which anything may stand. */
const prose = (page: string) => text(page).replace(/^```[\s\S]*?^```/gm, '');

describe.each(PAGES)('%s', (page) => {
  it('links to files and headings that are there', () => {
    const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
    const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !leads(page, link));
    expect(broken).toEqual([]);
  });

  it('names files that are there', () => {
    const named = [...prose(page).matchAll(/`([\w.-]+(?:\/[\w.*-]+)+\/?)`/g)].map(([, name]) => name!);
    const files = named.filter((name) => ROOMS.includes(name.split('/')[0]!) && !name.includes('*'));
    expect(files.filter((file) => !existsSync(inProject(file)))).toEqual([]);
  });

  it('names commands of npm that are there', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = [...text(page).matchAll(/npm (?:run ([a-z:]+)|(start|test)\b)/g)].map(([, run, own]) => run ?? own!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

it('the settings in docs/settings.md are those that are read, with their defaults', () => {
  const table = new Map(
    [...text('docs/settings.md').matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm)].map(([, name, value]) => [
      name!,
      value!.trim(),
    ]),
  );
  const { NODE_ENV, FAILPOINT, ...read } = { ...VARIABLES, ...STARTER_VARIABLES };
  expect([...table.keys()].toSorted()).toEqual(
    [...Object.keys(read), 'POSTGRES_PASSWORD', 'APP_PASSWORD', 'EXPORT_PASSWORD'].toSorted(),
  );
  for (const [name, { default: value }] of Object.entries(read) as [string, { default?: unknown }][]) {
    if (name === 'MAX_UPLOAD_BYTES') expect(table.get(name)).toBe(`${Number(value) / 2 ** 30} GiB`);
    else expect(table.get(name), name).toBe(value === undefined ? 'unset' : `\`${value}\``);
  }
});

/** Whether a relative link, with or without a heading, leads anywhere. */
function leads(page: string, link: string): boolean {
  const [file, heading] = link.split('#');
  const target = file ? path.join(path.dirname(page), file) : page;
  if (!existsSync(inProject(target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** The anchors of a page's headings, as GitHub makes them. */
function headingsOf(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
