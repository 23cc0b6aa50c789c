import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
/** The folders whose own folders are modules, and those that are modules themselves. */
const SOURCE = 'src';
const TOOLS = ['launcher', 'testkit', 'faults', 'demo', 'bench'];

/** What each module may import of the others. The single files at the root of `src` count as modules of their own. */
const ALLOWED: Record<string, string[]> = {
  contract: [],
  log: [],
  failpoint: [],
  retrying: ['log'],
  config: ['contract'],
  'await-database': ['config', 'log', 'postgres', 'retrying'],
  csv: ['contract'],
  dialect: ['contract', 'csv'],
  kernel: ['contract', 'csv'],
  postgres: [],
  storage: ['contract', 'failpoint'],
  // kernel: the threads, where the engine is put together.
  intake: ['contract', 'csv', 'dialect', 'kernel', 'postgres', 'storage', 'tasks'],
  tasks: ['contract', 'failpoint', 'postgres'],
  tables: ['contract', 'failpoint', 'postgres', 'tasks'],
  roles: ['postgres', 'tables'],
  temporal: ['config', 'contract', 'tasks'],
  activities: [
    'contract',
    'csv',
    'dialect',
    'failpoint',
    'intake',
    'metrics',
    'postgres',
    'storage',
    'tables',
    'tasks',
    'temporal',
  ],
  // activities: their types alone; a lint rule keeps their code and Node out of workflows.
  workflows: ['activities', 'contract'],
  // http: the guard of the worker's own port.
  metrics: ['contract', 'http', 'tasks'],
  maintenance: ['contract', 'failpoint', 'storage', 'tables', 'tasks', 'temporal'],
  corrections: ['activities', 'contract', 'csv', 'dialect', 'intake', 'postgres', 'tables', 'tasks'],
  http: ['contract', 'postgres'],
  api: [
    ...[
      'config',
      'contract',
      'corrections',
      'csv',
      'failpoint',
      'http',
      'intake',
      'log',
      'maintenance',
      'metrics',
      'postgres',
      'retrying',
    ],
    ...['await-database', 'roles', 'storage', 'tables', 'tasks', 'temporal'],
  ],
  worker: [
    ...[
      'activities',
      'config',
      'contract',
      'csv',
      'failpoint',
      'intake',
      'kernel',
      'log',
      'metrics',
      'postgres',
      'retrying',
    ],
    ...['await-database', 'storage', 'tasks'],
  ],
  client: ['contract'],
  'setup-database': ['config', 'roles'],
  launcher: ['config', 'contract', 'log', 'retrying', 'roles'],
  testkit: ['client', 'contract', 'launcher', 'postgres', 'storage'],
  faults: ['client', 'contract', 'failpoint', 'launcher', 'tasks', 'testkit'],
  demo: ['client', 'contract', 'testkit'],
  bench: ['client', 'contract', 'csv', 'dialect', 'kernel', 'launcher', 'testkit'],
};

/** No module holds more of the lines of `src` than this. */
const LARGEST_SHARE = 1 / 5;

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const files = [SOURCE, ...TOOLS].flatMap((folder) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.[cm]?ts$/.test(file))
    .map((file) => path.join(folder, file)),
);
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm);
  return [...statements].map(([, type, target, dynamic]) => ({
    from: file,
    to: path.join(path.dirname(file), (target ?? dynamic)!).replace(/\.js$/, '.ts'),
    typeOnly: Boolean(type),
  }));
}

function moduleOf(file: string): string {
  const [first, second] = file.split(path.sep);
  return first === SOURCE ? second!.replace(/\.ts$/, '') : first!;
}

const dependencies = imports
  .map(({ from, to }) => [moduleOf(from), moduleOf(to)] as const)
  .filter(([from, to]) => from !== to);

describe('the modules', () => {
  it('import each other only along the allowed dependencies, types included', () => {
    expect(new Set(files.map(moduleOf))).toEqual(new Set(Object.keys(ALLOWED)));
    const forbidden = dependencies.filter(([from, to]) => !ALLOWED[from]?.includes(to));
    expect(forbidden).toEqual([]);
  });

  it('use every dependency that is allowed', () => {
    const unused = Object.entries(ALLOWED).flatMap(([from, all]) =>
      all
        .filter((to) => !dependencies.some((dependency) => dependency[0] === from && dependency[1] === to))
        .map((to) => `${from} -> ${to}`),
    );
    expect(unused).toEqual([]);
  });

  it('take the kernel as an option, named only where a thread or a process starts', () => {
    const users = imports.filter(({ from, to }) => moduleOf(from) !== 'kernel' && moduleOf(to) === 'kernel');
    expect(users.map(({ from }) => from).sort()).toEqual([
      'bench/csv-scan.ts',
      'src/intake/convert-thread.ts',
      'src/intake/inspection-thread.ts',
      'src/intake/scan-thread.ts',
      'src/worker/main.ts',
    ]);
  });

  it('have no cycle', () => {
    expect(cyclesOf(dependencies)).toEqual([]);
  });

  it('have no cycle among their files', () => {
    expect(cyclesOf(imports.filter(({ typeOnly }) => !typeOnly).map(({ from, to }) => [from, to]))).toEqual([]);
  });

  it('are one level deep', () => {
    const deepest = (file: string) => (file.startsWith(SOURCE) ? 3 : 2);
    expect(files.filter((file) => file.split(path.sep).length > deepest(file))).toEqual([]);
  });

  it('hold no more than a fifth of the lines each', () => {
    const lines = new Map<string, number>();
    for (const file of files.filter((name) => name.startsWith(SOURCE))) {
      const count = readFileSync(path.join(ROOT, file), 'utf8').split('\n').length;
      lines.set(moduleOf(file), (lines.get(moduleOf(file)) ?? 0) + count);
    }
    const total = [...lines.values()].reduce((sum, count) => sum + count, 0);
    expect([...lines].filter(([, count]) => count > total * LARGEST_SHARE)).toEqual([]);
  });
});

describe('the sources', () => {
  const sources = files.filter((file) => file.startsWith(SOURCE));
  const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

  it('read the environment in one place', () => {
    const readers = sources.filter((file) => read(file).includes('process.env'));
    expect(readers).toEqual([path.join(SOURCE, 'config.ts')]);
  });

  it('write rows by COPY from and to the connection only, never through a program or a file of the server', () => {
    const sql = sources.map(read).join('\n');
    expect(sql).not.toMatch(/COPY[^;`]*(FROM|TO)\s+(PROGRAM|')/);
    expect(sql).toMatch(/FROM STDIN/);
  });
});

/** Finds cycles by depth-first search; each is named by the nodes on it. */
function cyclesOf(edges: readonly (readonly [string, string])[]): string[] {
  const next = new Map<string, string[]>();
  for (const [from, to] of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const visit = (node: string, trail: string[]) => {
    if (state.get(node) === 'done') return;
    if (state.get(node) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(node)), node].join(' -> '));
      return;
    }
    state.set(node, 'open');
    for (const to of next.get(node) ?? []) visit(to, [...trail, node]);
    state.set(node, 'done');
  };
  for (const node of next.keys()) visit(node, []);
  return cycles;
}
