import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongFirst } from './test/sequencer.ts';

const FILES = globSync('test/**/*.test.ts', { cwd: import.meta.dirname });

/** Mocked clocks and functions would last beyond the file. */
const isMocking = (file: string) =>
  /import \{[^}]*\bvi\b[^}]*\} from 'vitest'/.test(
    readFileSync(join(import.meta.dirname, file), 'utf8'),
  );
const APART = FILES.filter(isMocking);

const common = {
  // On two cores, shared with the servers under test: other files work while some wait for an outage
  // or a session to end. No test depends on how fast it is served.
  maxWorkers: 4,
  pool: 'forks',
  // Four processes with a garbage collector of four threads each: on two cores these threads mostly wait for
  // each other, which took a quarter of the CPU time of the tests' own processes.
  execArgv: ['--single-threaded-gc', '--max-semi-space-size=32', '--min-semi-space-size=16'],
  // A run starts our programs some hundreds of times: each finds here what another has compiled.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
  // They only end what hangs: no promise about time is held by them.
  testTimeout: 900_000,
  hookTimeout: 900_000,
} as const satisfies TestProjectInlineConfiguration['test'];

export default defineConfig({
  test: {
    ...common,
    teardownTimeout: 60_000,
    globalSetup: ['test/global-setup.ts'],
    sequence: { sequencer: LongFirst },
    // To start a process and to load the shop into it costs as much as most files take. So all files
    // that change nothing for good share four processes.
    projects: [
      { test: { ...common, name: 'apart', include: APART } },
      { test: { ...common, name: 'shared', isolate: false, include: FILES, exclude: APART } },
    ],
  },
});
