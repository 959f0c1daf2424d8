import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/sequencer.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // On two cores, shared with the servers under test: other files work while some wait for an outage
    // or a session to end. No test depends on how fast it is served.
    maxWorkers: 4,
    pool: 'forks',
    sequence: { sequencer: LongFirst },
    // A run starts our programs some hundreds of times: each finds here what another has compiled.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
    // They only end what hangs: no promise about time is held by them.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 60_000,
  },
});
