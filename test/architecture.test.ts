import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = path.resolve(import.meta.dirname, '../src');

/** What each room may import of the others. `log`, `config`, `failpoint`, `retrying` and `setup-database` are single files at the root, without rooms of their own. */
const ALLOWED: Record<string, string[]> = {
  contract: [],
  csv: ['contract'],
  postgres: ['contract', 'failpoint'],
  storage: ['contract', 'failpoint'],
  kernel: ['contract', 'csv'],
  // kernel: only the two files that threads run.
  inspection: ['contract', 'csv', 'storage', 'kernel'],
  activities: ['contract', 'csv', 'inspection', 'postgres', 'storage', 'failpoint'],
  workflows: ['contract'],
  worker: [
    'activities',
    'config',
    'contract',
    'csv',
    'failpoint',
    'inspection',
    'kernel',
    'log',
    'postgres',
    'retrying',
    'storage',
  ],
  // csv: only its checks of a file's beginning, before anything is stored.
  api: ['contract', 'inspection', 'postgres', 'storage', 'config', 'log', 'failpoint', 'retrying', 'csv'],
  'setup-database': ['config', 'postgres'],
  config: ['contract'],
  log: [],
  retrying: ['log'],
  failpoint: [],
};

/** Arrows that exist for types alone: they vanish when the code is compiled. */
const TYPES_ONLY: Record<string, string[]> = { workflows: ['activities'] };

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const imports = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => importsOf(file));

function importsOf(file: string): Import[] {
  const source = readFileSync(path.join(SRC, file), 'utf8');
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm);
  return [...statements].map(([, type, target, dynamic]) => ({
    from: file,
    to: path.relative(SRC, path.resolve(SRC, path.dirname(file), (target ?? dynamic)!)).replace(/\.js$/, '.ts'),
    typeOnly: Boolean(type),
  }));
}

const roomOf = (file: string) => file.split(path.sep)[0]!.replace(/\.ts$/, '');

describe('the rooms', () => {
  it('import each other only along the allowed arrows', () => {
    const forbidden = imports.filter(({ from, to, typeOnly }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === other || ALLOWED[room]?.includes(other)) return false;
      return !(typeOnly && TYPES_ONLY[room]?.includes(other));
    });
    expect(forbidden).toEqual([]);
  });

  it('take the kernel as an option, named only where a thread or a process starts', () => {
    const users = imports.filter(({ from, to }) => roomOf(from) !== 'kernel' && roomOf(to) === 'kernel');
    expect(users.map(({ from }) => from).sort()).toEqual([
      'inspection/arrival-thread.ts',
      'inspection/scan-thread.ts',
      'worker/main.ts',
    ]);
  });

  it('have no cycle among their files', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, trail: string[]) => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of edges.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('are one level deep', () => {
    const deep = imports.map(({ from }) => from).filter((file) => file.split(path.sep).length > 2);
    expect(deep).toEqual([]);
  });

  it('read the environment in one place', () => {
    const readers = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && readFileSync(path.join(SRC, file), 'utf8').includes('process.env'),
    );
    expect(readers).toEqual(['config.ts']);
  });

  it('write rows by COPY from and to the connection only, never through a program or a file of the server', () => {
    const sql = imports
      .map(({ from }) => from)
      .map((file) => readFileSync(path.join(SRC, file), 'utf8'))
      .join('\n');
    expect(sql).not.toMatch(/COPY[^;`]*(FROM|TO)\s+(PROGRAM|')/);
    expect(sql).toMatch(/FROM STDIN/);
  });
});
