import { describe, expect, test } from 'vitest';
import { deadRights, GrantBook } from '../../../keeper/grants/versions.ts';
import { decodeReport, type Report } from '../../../zk/tree/report.ts';

const PATH = '/flashsale/skus/TV/grants/n';

function report(applied: number | undefined, grant: number, admitted = 0, decided = 0): Report {
  const counters = { grant, admitted, decided, wanted: 0, need: 0, asked: 0, kept: 0 };
  return {
    applied: applied === undefined ? {} : { [PATH]: applied },
    skus: { TV: counters },
    final: false,
    at: '',
  };
}

function bookOf(...grants: number[]): GrantBook {
  const book = new GrantBook();
  for (const [version, grant] of grants.entries()) book.note('n', grant, version);
  return book;
}

describe('what a node may be acting on', () => {
  test.each([
    ['it said so of the last version', bookOf(50, 90, 30), report(2, 30), 30],
    ['anything since the version it applied', bookOf(50, 90, 30), report(0, 50), 90],
    ['anything at all when it never said', bookOf(50, 90, 30), undefined, 90],
    ['what it said, one version behind', bookOf(50, 30), report(0, 50), 50],
  ])('%s', (_, book, last, max) => {
    expect(book.facts('n', 'TV', PATH, last).actingMax).toBe(max);
  });

  test('is unknown when a keeper that took over never saw the versions between', () => {
    const book = new GrantBook();
    book.note('n', 30, 7);
    expect(book.facts('n', 'TV', PATH, report(6, 50)).actingMax).toBe(50);
    expect(book.facts('n', 'TV', PATH, report(5, 50)).actingMax).toBe(Number.POSITIVE_INFINITY);
    expect(book.facts('n', 'TV', PATH, report(7, 30)).actingMax).toBe(30);
  });

  test('is unknown when the grant was deleted and made anew until the node says so', () => {
    const book = bookOf(50, 90);
    book.note('n', 10, 0);
    expect(book.facts('n', 'TV', PATH, report(1, 90)).actingMax).toBe(Number.POSITIVE_INFINITY);
    expect(book.facts('n', 'TV', PATH, report(0, 10))).toMatchObject({
      actingMax: 10,
      isApplied: true,
    });
  });
});

test('a node that ended in good order may bring only what it admitted; another all it had', () => {
  const facts = bookOf(50).facts('n', 'TV', PATH, report(0, 50, 20, 5));
  expect(deadRights(facts, true)).toBe(15);
  expect(deadRights(facts, false)).toBe(45);
});

test('no node has a right to less than nothing, whatever it reports', () => {
  const said = { ...report(0, 50, 20), skus: { TV: { admitted: 20, decided: 1_000 } } };
  const facts = bookOf(50).facts('n', 'TV', PATH, decodeReport(JSON.stringify(said)));
  expect([facts.admitted, facts.decided]).toEqual([20, 20]);
  expect(deadRights(facts, true)).toBe(0);
});

test('a grant that was made anew by hand is read again, though its version is the same', () => {
  const book = bookOf(50);
  expect(book.facts('n', 'TV', PATH, report(0, 700)).actingMax).toBe(Number.POSITIVE_INFINITY);
  expect(book.isBehind).toBe(true);
});

test('a grant that a node found deleted is read again', () => {
  const book = bookOf(50);
  book.facts('n', 'TV', PATH, report(undefined, 0));
  expect(book.isBehind, 'it has not applied it yet').toBe(false);
  book.facts('n', 'TV', PATH, report(-1, 0));
  expect(book.isBehind).toBe(true);
  const read = new GrantBook();
  read.facts('n', 'TV', PATH, report(-1, 0));
  expect(read.isBehind, 'there is none').toBe(false);
});
