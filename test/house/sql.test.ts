import { expect, it } from 'vitest';
import { files, textOf } from './files.ts';

/** The routines of the database are short and listed in the index. */

const LINES_MAX = 200;
const INDEX = 'db/procedures/README.md';
const routines = files.filter((file) => /^db\/(procedures|views)\/.*\.sql$/.test(file));

it('each routine has at most 200 lines', () => {
  const long = routines
    .map((file) => ({ file, lines: textOf(file).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX);
  expect(long).toEqual([]);
});

it(`${INDEX} lists each routine once, with its purpose and its callers`, () => {
  const rows = [...textOf(INDEX).matchAll(/^\| `(\w+)` \| (.+) \| (.+) \|$/gm)];
  const there = routines
    .filter((file) => file.startsWith('db/procedures/'))
    .map((file) => file.slice('db/procedures/'.length, -'.sql'.length));
  expect(rows.map(([, name]) => name).sort()).toEqual(there.sort());
});

it(`${INDEX} names as callers only routines that call the routine`, () => {
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

// nextval writes up to 32 more into a sequence for a moment, and a SELECT from the sequence reads without its lock.
it('no routine reads a number from a sequence that is not given out yet', () => {
  const reads = routines.filter((file) => {
    const text = textOf(file);
    return /(?<!pg_sequence_)last_value/.test(text) && !text.includes('pg_sequences');
  });
  expect(reads).toEqual([]);
});
