import { describe, expect, test } from 'vitest';
import { deadRights, GrantVersions } from '../../../keeper/grants/versions.ts';
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

function versionsOf(...grants: number[]): GrantVersions {
  const versions = new GrantVersions();
  for (const [version, grant] of grants.entries()) versions.note('n', grant, version);
  return versions;
}

describe('the largest grant that a node may act on', () => {
  test.each([
    ['it said so of the last version', versionsOf(50, 90, 30), report(2, 30), 30],
    ['anything since the version it applied', versionsOf(50, 90, 30), report(0, 50), 90],
    ['anything at all when it never said', versionsOf(50, 90, 30), undefined, 90],
    ['what it said, one version behind', versionsOf(50, 30), report(0, 50), 50],
  ])('%s', (_, versions, last, max) => {
    expect(versions.facts('n', 'TV', PATH, last).actingMax).toBe(max);
  });

  test('is unknown when a keeper that took over has not seen the versions in between', () => {
    const versions = new GrantVersions();
    versions.note('n', 30, 7);
    expect(versions.facts('n', 'TV', PATH, report(6, 50)).actingMax).toBe(50);
    expect(versions.facts('n', 'TV', PATH, report(5, 50)).actingMax).toBe(Number.POSITIVE_INFINITY);
    expect(versions.facts('n', 'TV', PATH, report(7, 30)).actingMax).toBe(30);
  });

  test('is unknown after the grant was deleted and created again, until the node reports it', () => {
    const versions = versionsOf(50, 90);
    versions.note('n', 10, 0);
    expect(versions.facts('n', 'TV', PATH, report(1, 90)).actingMax).toBe(Number.POSITIVE_INFINITY);
    expect(versions.facts('n', 'TV', PATH, report(0, 10))).toMatchObject({
      actingMax: 10,
      isApplied: true,
    });
  });
});

test('a node that ended cleanly may bring only what it admitted; a killed node its whole grant', () => {
  const facts = versionsOf(50).facts('n', 'TV', PATH, report(0, 50, 20, 5));
  expect(deadRights(facts, true)).toBe(15);
  expect(deadRights(facts, false)).toBe(45);
});

test('the rights of a node are never negative, whatever it reports', () => {
  const said = { ...report(0, 50, 20), skus: { TV: { admitted: 20, decided: 1_000 } } };
  const facts = versionsOf(50).facts('n', 'TV', PATH, decodeReport(JSON.stringify(said)));
  expect([facts.admitted, facts.decided]).toEqual([20, 20]);
  expect(deadRights(facts, true)).toBe(0);
});

test('a grant that was created again by hand is read again although its version is the same', () => {
  const versions = versionsOf(50);
  expect(versions.facts('n', 'TV', PATH, report(0, 700)).actingMax).toBe(Number.POSITIVE_INFINITY);
  expect(versions.isBehind).toBe(true);
});

test('a grant that was created again by hand is read again although its version is older', () => {
  const versions = versionsOf(50);
  for (const version of [1, 2, 3]) versions.note('n', 50, version);
  for (const applied of [0, 1, 1, 3]) versions.facts('n', 'TV', PATH, report(applied, 50));
  expect(versions.isBehind).toBe(false);
  versions.facts('n', 'TV', PATH, report(0, 20));
  expect(versions.isBehind).toBe(true);
});

test('a grant that a node reports as deleted is read again', () => {
  const versions = versionsOf(50);
  versions.facts('n', 'TV', PATH, report(undefined, 0));
  expect(versions.isBehind, 'it has not applied it yet').toBe(false);
  versions.facts('n', 'TV', PATH, report(-1, 0));
  expect(versions.isBehind).toBe(true);
  const read = new GrantVersions();
  read.facts('n', 'TV', PATH, report(-1, 0));
  expect(read.isBehind, 'there is none').toBe(false);
});

test.each(['{}', 'null', '[]', '{"applied":{}}', '{"skus":{}}', '{"applied":[],"skus":1}', 'abc'])(
  'the text %s is no report, so that the last one counts',
  (text) => {
    expect(decodeReport(text)).toBeUndefined();
  },
);
