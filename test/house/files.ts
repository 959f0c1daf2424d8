import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** What the tests of the house read: the files of the project, as they are now. */

const ROOT = join(import.meta.dirname, '..', '..');

/** Those that git has or would take, from the project's folder. */
export const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  {
    cwd: ROOT,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file !== '');

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The file that an import in `file` names; pages name theirs from the folder that is served. */
export function target(file: string, specifier: string): string {
  return specifier.startsWith('/')
    ? `server/public${specifier}`
    : normalize(join(dirname(file), specifier));
}
