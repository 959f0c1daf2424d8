import { expect, it } from 'vitest';
import { files, textOf } from './files.ts';

/** The routines of the database: each can be read in one go, and is found in the index. */

const LINES_MAX = 200;
const INDEX = 'db/procedures/README.md';
const routines = files.filter((file) => /^db\/(procedures|views)\/.*\.sql$/.test(file));

it('keeps routines short enough to be read in one go', () => {
  const long = routines
    .map((file) => ({ file, lines: textOf(file).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX);
  expect(long).toEqual([]);
});

it(`lists each routine once in ${INDEX}, with what it does and who calls it`, () => {
  const rows = [...textOf(INDEX).matchAll(/^\| `(\w+)` \| (.+) \| (.+) \|$/gm)];
  const there = routines
    .filter((file) => file.startsWith('db/procedures/'))
    .map((file) => file.slice('db/procedures/'.length, -'.sql'.length));
  expect(rows.map(([, name]) => name).sort()).toEqual(there.sort());
});

it(`names in ${INDEX} routines that call the routine of the line`, () => {
  const wrong = [...textOf(INDEX).matchAll(/^\| `(\w+)` \| .+ \| (.+) \|$/gm)].flatMap(
    ([, name = '', callers = '']) =>
      [...callers.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)]
        .map(([, caller = '']) => caller)
        .filter((caller) => files.includes(`db/procedures/${caller}.sql`))
        .filter((caller) => {
          const body = textOf(`db/procedures/${caller}.sql`).replaceAll(/^--.*$/gm, '');
          return !new RegExp(`\\b${name}\\s*\\(`).test(body);
        })
        .map((caller) => `${caller} does not call ${name}`),
  );
  expect(wrong).toEqual([]);
});
