import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../ops/stack/folder.ts';
import { textOf } from './files.ts';

/** The packages of a shop follow docs/dependencies.md. */

interface Package {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(textOf('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;
const { packages } = JSON.parse(textOf('package-lock.json')) as {
  packages: Record<string, Package>;
};
const policy = textOf('docs/dependencies.md');
const all = Object.entries(packages).filter(([path]) => path !== '');
/** Those that `npm ci --omit dev` installs. */
const ofShop = all.filter(([, { dev, devOptional }]) => !dev && !devOptional);
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

/** The rows of a table in the document, with this head. */
function rowsOf(head: string): string[][] {
  const [, table = ''] = policy.split(`| ${head} |`);
  const lines = table.split('\n\n')[0]?.split('\n').slice(2) ?? [];
  return lines.map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
}

describe('the packages of a shop', () => {
  it('have licences that the policy allows', () => {
    const allowed = rowsOf('licence | allowed because').flatMap(([, names = '']) =>
      names.split(', '),
    );
    expect(allowed).toContain('MIT');
    // Of `(MIT OR Apache-2.0)` the shop takes the one that is allowed.
    const choices = (license = 'none') => license.replaceAll(/[()]/g, '').split(' OR ');
    // Of `(MIT AND Zlib)` both count.
    const isAllowed = (one: string) => one.split(' AND ').every((each) => allowed.includes(each));
    const others = ofShop.filter(([, { license }]) => !choices(license).some(isAllowed));
    expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
  });

  it('are listed with their licences and purposes', () => {
    const listed = rowsOf('package | licence | for');
    const wanted = Object.keys(manifest.dependencies).map((name) => [
      name,
      packages[`node_modules/${name}`]?.license,
    ]);
    expect(listed.map(([, name, licence]) => [name, licence])).toEqual(wanted);
    expect(listed.filter(([, , , purpose = '']) => purpose === '')).toEqual([]);
  });

  it('run no code when they are installed', () => {
    const running = ofShop.filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(running.map(([path]) => path)).toEqual([]);
  });

  it('are all in the bill of materials', () => {
    const sbom = execFileSync('npm', ['run', '--silent', 'sbom'], {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
    });
    const { bomFormat, components } = JSON.parse(sbom) as {
      bomFormat: string;
      components: {
        name: string;
        version: string;
        group?: string;
        properties?: { name: string }[];
      }[];
    };
    const isOfShop = ({ properties = [] }: (typeof components)[number]) =>
      !properties.some(({ name }) => name === 'cdx:npm:package:development');
    expect(bomFormat).toBe('CycloneDX');
    const listed = components
      .filter(isOfShop)
      .map(({ name, version, group }) =>
        group ? `${group}/${name}@${version}` : `${name}@${version}`,
      );
    const wanted = ofShop.map(([path, { version }]) => `${nameOf(path)}@${version}`);
    expect(wanted.filter((name) => !listed.includes(name))).toEqual([]);
    // Two packages of types are wanted by packages of both kinds, and not installed for a shop.
    expect(new Set(listed).size - new Set(wanted).size).toBeLessThan(5);
    expect(components.length).toBeGreaterThan(2 * listed.length);
  });
});

describe('all packages', () => {
  it('have exact versions', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('have the hash of their content', () => {
    expect(all.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
  });
});
