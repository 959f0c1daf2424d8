import { describe, expect, it } from 'vitest';
import { files, target, textOf } from './files.ts';

/** The rules of the code, checked by a test: folders, import directions, limits. */

const sources = files.filter((file) => file.endsWith('.ts') && !file.startsWith('test/'));

function importsOf(file: string): string[] {
  const specifiers = textOf(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...specifiers].map(([, specifier]) => specifier ?? '');
}

/** The project's files that a file imports. */
function importedBy(file: string): string[] {
  const ours = importsOf(file).filter((specifier) => specifier.startsWith('.'));
  return ours.map((specifier) => target(file, specifier));
}

/**
 * Benchmarks are excluded: they use helpers of the tests, and one test uses the crowd of a
 * benchmark.
 */
const imports = new Map(
  files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('bench/'))
    .map((file) => [file, importedBy(file)]),
);

/** A class with the comment above it, up to its closing brace. */
const CLASS =
  /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?^(?:export )?(?:abstract )?class (\w+)[\s\S]*?^\}/gm;

/** Every folder that contains one of the files, the project's own included. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.flatMap((path) => {
    const parts = path.split('/');
    return parts.map((_, at) => parts.slice(0, at).join('/'));
  });
  return [...new Set(folders)];
}

/** The files and folders in a folder, each with those of them that it imports. */
function importsWithin(folder: string): Map<string, string[]> {
  const inside = folder === '' ? '' : `${folder}/`;
  const partOf = (path: string) => path.slice(inside.length).split('/')[0] ?? '';
  const parts = new Map<string, string[]>();
  for (const [file, imported] of imports) {
    if (!file.startsWith(inside)) continue;
    const part = partOf(file);
    const others = imported
      .filter((other) => other.startsWith(inside))
      .map(partOf)
      .filter((other) => other !== part);
    parts.set(part, [...(parts.get(part) ?? []), ...others]);
  }
  return parts;
}

/**
 * Removes whatever imports nothing that is left. What remains is in an import cycle or leads to
 * one.
 */
function inCircles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const open = new Map(imports);
  for (let before = -1; before !== open.size; ) {
    before = open.size;
    for (const [one, imported] of open) {
      if (!imported.some((other) => open.has(other))) open.delete(one);
    }
  }
  return [...open.keys()];
}

/**
 * Folder → folders that it may import from, with all that is in them. A folder that is not listed
 * may import from every folder.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  contracts: [],
  process: ['contracts'],
  broker: ['contracts', 'process'],
  db: ['contracts', 'process'],
  zk: ['contracts', 'process'],
  keeper: ['contracts', 'process', 'broker', 'db', 'zk'],
  payment: ['contracts', 'process'],
  server: ['contracts', 'process', 'broker', 'db', 'zk', 'payment'],
  worker: ['contracts', 'process', 'broker', 'db', 'payment'],
  console: [
    ...['contracts', 'process', 'broker', 'db', 'zk'],
    // What operators, merchants and support do is the same as in the commands.
    ...['ops/live', 'ops/orders', 'ops/quota', 'ops/sale', 'ops/yaml'],
  ],
  'ops/doctor': [
    ...['contracts', 'process', 'broker', 'db', 'zk', 'keeper/edits', 'worker/webhooks'],
    ...['ops/live', 'ops/quota', 'ops/stack'],
  ],
  // The console imports these, so they are held to its rules.
  'ops/live': ['contracts', 'process', 'broker', 'db', 'zk', 'ops/quota'],
  'ops/quota': ['contracts', 'process', 'db', 'zk'],
  'ops/sale': ['contracts', 'process', 'broker', 'db', 'zk', 'ops/html', 'ops/quota', 'ops/yaml'],
  'ops/html': [],
  'ops/yaml': [],
  // The crowd has nothing but HTTP. It keeps the pace of the page with the page's own code.
  'ops/load': ['contracts', 'ops/html', 'ops/yaml', 'server/public/js'],
  // The judge of a run under fire has no code of what it judges, and its crowd has nothing but HTTP.
  'fire/check': [],
  'fire/crowd': ['fire'],
};

/** Third-party client → the one file that imports it. */
const ONE_IMPORTER = [
  'pg',
  'amqplib',
  'node-zookeeper-client',
  'postgres-migrations',
  'prom-client',
  'pino',
  'envalid',
  'ipaddr.js',
  'stripe',
  'nodemailer',
  'web-push',
  'openid-client',
  'testcontainers',
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
];

/** Packages with two sides: the shop checks what the crowd of `flashsale load` signs or solves. */
const TWO_SIDES: Record<string, readonly string[]> = {
  'fast-jwt': ['ops/load/shopper/identities.ts', 'server/gate/identity.ts'],
  'altcha-lib': ['ops/load/shopper/solver.ts', 'server/gate/proof-of-work.ts'],
};

describe('the code', () => {
  it.each(Object.entries(MAY_IMPORT))('of %s imports only from %j', (folder, allowed) => {
    const wrong = sources
      .filter((file) => file.startsWith(`${folder}/`))
      .flatMap((file) =>
        importedBy(file)
          .filter((imported) => ![folder, ...allowed].some((one) => imported.startsWith(`${one}/`)))
          .map((imported) => `${file} → ${imported}`),
      );
    expect(wrong).toEqual([]);
  });

  it('has no import cycle of files', () => {
    expect(inCircles(new Map(sources.map((file) => [file, importedBy(file)])))).toEqual([]);
  });

  it('has no import cycle of folders, or of files and folders in the same folder', () => {
    const circles = foldersOf([...imports.keys()]).flatMap((folder) => {
      const circle = inCircles(importsWithin(folder));
      return circle.length > 0 ? [`${folder}: ${circle.join(' ↔ ')}`] : [];
    });
    expect(circles).toEqual([]);
  });

  it.each(ONE_IMPORTER)('imports %s in one file only', (client) => {
    const importers = sources.filter((file) => importsOf(file).includes(client));
    expect(importers.length, importers.join(', ')).toBeLessThanOrEqual(1);
  });

  it.each(Object.entries(TWO_SIDES))('imports %s on its two sides only', (client, sides) => {
    expect(sources.filter((file) => importsOf(file).includes(client))).toEqual(sides);
  });

  it('asks all homes of the database in one place, which handles a home that is away', () => {
    const both = /Promise\.(all|allSettled)\(\s*databases\.homes\b/;
    const askers = sources
      .filter((file) =>
        /^(db|server|worker|keeper|console|ops\/(commands|live|quota))\//.test(file),
      )
      .filter((file) => both.test(textOf(file)));
    expect(askers).toEqual(['db/client/homes.ts']);
  });

  it('is copied into the image with every folder that processes run from', () => {
    const taken = textOf('.dockerignore').split('\n');
    const folders = Object.keys(MAY_IMPORT).filter((folder) => !folder.includes('/'));
    expect(folders.filter((folder) => !taken.includes(`!${folder}`))).toEqual([]);
  });

  it('reads the environment in composition roots only', () => {
    const readers = sources.filter((file) => /\bprocess\.env\b/.test(textOf(file)));
    const roots = /^(server|worker|keeper|console|fire)\/main\.ts$|^(ops|bench)\//;
    expect(readers.filter((file) => !roots.test(file))).toEqual([]);
  });

  it('has no file of more than 300 lines outside the tests', () => {
    const long = sources
      .map((file) => ({ file, lines: textOf(file).split('\n').length }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  it('has no class of more than 200 lines without a reason in its comment', () => {
    const long = sources.flatMap((file) => {
      const classes = textOf(file).matchAll(CLASS);
      return [...classes].flatMap(([text, comment = '', name = '']) => {
        const lines = text.slice(comment.length).split('\n').length;
        return lines > 200 && !comment.includes('More than 200 lines: ') ? [`${file} ${name}`] : [];
      });
    });
    expect(long).toEqual([]);
  });

  it('has one routine in each SQL file, with the name of the file', () => {
    const wrong = files
      .filter((file) => file.startsWith('db/procedures/') && file.endsWith('.sql'))
      .filter((file) => {
        const name = file.slice('db/procedures/'.length, -'.sql'.length);
        const created = [
          ...textOf(file).matchAll(/^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (\S+)\(/gm),
        ];
        return created.length !== 1 || created[0]?.[1]?.split('.').at(-1) !== name;
      });
    expect(wrong).toEqual([]);
  });

  it('names nothing of the machine that it was written on', () => {
    const telling = files
      .filter((file) => !/\.(png|svg|ico)$|package-lock\.json$/.test(file))
      .filter((file) => /\/work\/main|\/root\/|registry\.npmjs|deb\.debian\.org/.test(textOf(file)))
      .filter((file) => file !== 'test/house/tidy.test.ts');
    expect(telling).toEqual([]);
  });
});
