import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Of code that needs no server: what `npm run check` runs. */
const PURE = [
  'test/{architecture,prose,log,config}.test.ts',
  'test/{contract,csv,dialect,docs,testkit}/**/*.test.ts',
  'test/activities/{permits,rate-limiter,slots}.test.ts',
  'test/api/{export-format,task-view,written-names}.test.ts',
  'test/http/{byte-range,content-disposition,form-fields,validation}.test.ts',
  'test/intake/{find-parts,plan-columns,possible-headers,preview-head,read-head,rewriter,stored-*,unpack-head}.test.ts',
  'test/launcher/{compose,env-example}.test.ts',
  'test/postgres/sqlstate.test.ts',
  'test/tables/table-names.test.ts',
  'test/workflows/{current-details,replay}.test.ts',
];

/** Of the service as a whole, each with processes of its own. */
const SERVICE = ['test/{e2e,regressions}/**/*.test.ts', 'test/launcher/node-24.test.ts'];

const FAULTS = ['test/e2e/faults.test.ts'];

type Options = NonNullable<TestProjectInlineConfiguration['test']>;

/** Projects of one group run at the same time, groups one after the other. */
function project(name: string, groupOrder: number, options: Options): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      // Real processes: the Temporal SDK's native part and signals want a main thread.
      pool: 'forks',
      // More than cores: tests mostly wait for servers.
      maxWorkers: 4,
      sequence: { groupOrder },
      setupFiles: ['test/support/end-with-the-run.ts'],
      testTimeout: 30_000,
      hookTimeout: 60_000,
      ...options,
      exclude: [...configDefaults.exclude, ...(options.exclude ?? [])],
    },
  };
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    teardownTimeout: 30_000,
    projects: [
      // Modules are loaded once for all files: half the time.
      project('pure', 0, { include: PURE, isolate: false }),
      project('rooms', 0, { include: ['test/**/*.test.ts'], exclude: [...PURE, ...SERVICE], isolate: false }),
      project('service', 1, { include: SERVICE, exclude: FAULTS, isolate: false }),
      // Faults are timed, several at once in this one file: no other may run with it.
      project('faults', 2, { include: FAULTS, maxWorkers: 1 }),
    ],
  },
});
