import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ageOfStatement } from '../../../ops/payments/statement-file.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';

/** Payments that came after the provider made its list are no difference, so its age has to be known. */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true }));

it('a list is as old as the last change of its file', async () => {
  const [file, changed] = [join(folder, 'list.csv'), new Date('2026-01-01T11:00:00Z')];
  writeFileSync(file, 'kind\n');
  utimesSync(file, changed, changed);
  expect(await ageOfStatement(file)).toEqual(changed);
});

it('a list that comes through a pipe tells no age, and would seem to be made now', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(ageOfStatement(pipe)).rejects.toThrow('say it with --listed-at');
});
