import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { files, target, textOf } from './files.ts';

const EXPORT = /^export (?:abstract |async )?(?:const|let|function\*?|class) (\w+)/gm;
/**
 * Matches `import … from` and `const … = await import(…)`. One group has the names in braces, the
 * other one the module.
 */
const IMPORT =
  /(?:import|export|const)\s+(?:type\s+)?(?:\{([^{}]*)\}|\w+|\*(?:\s+as\s+\w+)?)\s+(?:from|=\s+await\s+import\()\s*'([^']+)'/g;
/** Matches `(await import('module')).name`. */
const MEMBER = /\(await import\('([^']+)'\)\)\.(\w+)/g;
/** Matches a file that re-exports other files. */
const FACE = /^export \* from '([^']+)'/gm;

/** Matches a path to a file of code that is put together from words, such as `join(root, 'db', 'x.ts')`. */
const JOINED = /\bjoin\(([\w.]+), ((?:'[^']+'(?:, )?)*'[^']+\.(?:ts|mjs)')\)/g;

it('every file of code that a path names is there', () => {
  const known = new Set(files);
  const found = files
    .filter((file) => /\.(ts|mjs)$/.test(file) && !file.startsWith('test/house/'))
    .flatMap((file) =>
      [...textOf(file).matchAll(JOINED)].map(([text, , words = '']) => {
        const path = words.replaceAll("'", '').split(', ').join('/');
        const places = [normalize(path), join(dirname(file), path)];
        const isThere =
          path.startsWith('node_modules/') || places.some((place) => known.has(place));
        return { text: `${file}: ${text}`, isThere };
      }),
    );
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter(({ isThere }) => !isThere).map(({ text }) => text)).toEqual([]);
});

it('every exported value is imported somewhere', () => {
  const code = files.filter((file) => /\.(ts|js|mjs)$/.test(file));
  const taken = new Set<string>();
  const faces = new Map<string, string>();
  for (const file of code) {
    const text = textOf(file);
    for (const [, from = ''] of text.matchAll(FACE)) faces.set(target(file, from), file);
    for (const [, from = '', name] of text.matchAll(MEMBER)) {
      taken.add(`${target(file, from)} ${name}`);
    }
    for (const [whole, names, from = ''] of text.matchAll(IMPORT)) {
      // A module that is imported as a whole counts as using every name.
      if (names === undefined && whole.startsWith('export')) continue;
      for (const name of names?.split(',') ?? ['*']) {
        const imported = name
          .trim()
          .replace(/^type /, '')
          .split(/ as |:/)[0];
        taken.add(`${target(file, from)} ${imported}`);
      }
    }
  }
  const isTaken = (file: string, name: string) =>
    taken.has(`${file} ${name}`) || taken.has(`${file} *`);
  const idle = code.flatMap((file) =>
    [...textOf(file).matchAll(EXPORT)]
      .map(([, name = '']) => name)
      .filter((name) => !isTaken(file, name) && !isTaken(faces.get(file) ?? file, name))
      .map((name) => `${file} ${name}`),
  );
  expect(idle).toEqual([]);
});
