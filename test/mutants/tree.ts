import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROJECT_ROOT } from '../../ops/stack/folder.ts';
import type { Mutant } from './mutant.ts';

/** A copy of the tree in which bugs are planted. */

export function copyTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashsale-mutants-'));
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: PROJECT_ROOT, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((name) => name !== '')) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    // A file that git still lists may have been removed.
    cpSync(join(PROJECT_ROOT, file), join(folder, file), { force: true, errorOnExist: false });
  }
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/**
 * @returns the text of the file before the edit, or undefined if a text to be replaced is not in it
 */
export function plant(
  folder: string,
  { file, edits }: Pick<Mutant, 'file' | 'edits'>,
): string | undefined {
  const path = join(folder, file);
  const before = readFileSync(path, 'utf8');
  let text = before;
  for (const [from, to] of edits) {
    const changed =
      typeof from === 'string' ? text.replaceAll(from, () => to) : text.replace(from, to);
    if (changed === text) return undefined;
    text = changed;
  }
  writeFileSync(path, text);
  return before;
}
