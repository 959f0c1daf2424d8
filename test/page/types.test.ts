import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** The page's JavaScript is checked by its JSDoc types, with the DOM that Node's code must not see. */
it('the page is free of type errors', () => {
  const tsc = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'tsc');
  const run = spawnSync(tsc, ['--noEmit', '-p', import.meta.dirname], { encoding: 'utf8' });
  expect(`${run.error?.message ?? ''}${run.stdout}`).toBe('');
  expect(run.status).toBe(0);
});
