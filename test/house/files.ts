import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The files of the project that the house tests read, as they are now. */

const ROOT = join(import.meta.dirname, '..', '..');

/** The files that git tracks or would add, relative to the project's folder. */
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

/**
 * The file that an import in `file` names. Pages name their imports relative to the served folder.
 */
export function target(file: string, specifier: string): string {
  return specifier.startsWith('/')
    ? `server/public${specifier}`
    : normalize(join(dirname(file), specifier));
}
