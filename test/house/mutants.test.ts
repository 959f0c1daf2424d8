import { expect, it } from 'vitest';
import { MUTANTS } from '../mutants/list.ts';
import { files, textOf } from './files.ts';

/** The planted bugs follow the code: each can still be planted, and its tests are there. */

it.each(MUTANTS)('“$name” can be planted in $file', ({ file, edits, tests }) => {
  const text = textOf(file);
  for (const [from] of edits) {
    expect(
      typeof from === 'string' ? text.includes(from) : text.match(from),
      `${from}`,
    ).toBeTruthy();
  }
  for (const test of tests)
    expect(
      files.some((each) => each.startsWith(test)),
      test,
    ).toBe(true);
});
