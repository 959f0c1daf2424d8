import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The last release: the newest tag `v*` that HEAD descends from, else the commit that CHANGELOG.md names
 * below the heading of its newest version. A clone without tags thus finds it too.
 */

const ROOT = join(import.meta.dirname, '..');

export interface Release {
  readonly name: string;
  readonly commit: string;
}

const git = (...args: string[]) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });

/** The newest version in a changelog, with its commit. */
export function releaseOfChangelog(text: string): Release | undefined {
  const match = /^## (\d+\.\d+\.\d+\S*)\n+Commit `([0-9a-f]{40})`/m.exec(text);
  const [, version, commit] = match ?? [];
  return version === undefined || commit === undefined
    ? undefined
    : { name: `v${version}`, commit };
}

/** Returns a sentence instead if this folder does not have the commit. */
export function lastRelease(): Release | string {
  if (git('rev-parse', '--git-dir').status !== 0) {
    return 'this folder is no git clone: there is no earlier release to run beside it';
  }
  const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD');
  const name = tag.stdout.trim();
  const release =
    tag.status === 0
      ? { name, commit: git('rev-list', '-n', '1', name).stdout.trim() }
      : releaseOfChangelog(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'));
  if (release === undefined) return 'no tag v* and no version in CHANGELOG.md names a release';
  if (git('cat-file', '-e', `${release.commit}^{commit}`).status === 0) return release;
  const isShallow = git('rev-parse', '--is-shallow-repository').stdout.trim() === 'true';
  const why = isShallow ? 'this clone is shallow: git fetch --unshallow --tags' : 'fetch it first';
  return `the commit ${release.commit} of ${release.name} is not here; ${why}`;
}

/** Writes the files of a release into a new folder. It uses the packages of this folder. */
export function writeRelease({ commit }: Release, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync('git', ['archive', '--format=tar', commit], {
    cwd: ROOT,
    maxBuffer: 512 * 1_024 * 1_024,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}
