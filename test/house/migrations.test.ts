import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { files, textOf } from './files.ts';

/** Migrations since the last release only expand: docs/upgrading.md. */

/** What the last release may still need. */
const FORBIDDEN: readonly (readonly [what: string, RegExp])[] = [
  ['drops', /\bDROP\s+(?:TABLE|VIEW|SCHEMA|TYPE|SEQUENCE|FUNCTION|COLUMN|DEFAULT)\b/],
  ['renames', /\bRENAME\b/],
  ['changes a type', /\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\b/],
  ['demands a value', /\bSET\s+NOT\s+NULL\b/],
  [
    'demands a value',
    /\bADD\s+COLUMN\s+(?!(?:[^,;(]|\([^)]*\))*\bDEFAULT\b)(?:[^,;(]|\([^)]*\))*\bNOT\s+NULL\b/,
  ],
  ['takes a right', /\bREVOKE\b[^;]*\bFROM\s+flashsale_/],
];
/** Above a statement that the last release does not need, with the reason. */
const CONTRACT = /^-- contract: \S.{10,}/m;

/** The statements of a text that break a rule, each with its rule. */
function broken(text: string): string[] {
  return text.split(/;[ \t]*\n/).flatMap((statement) => {
    if (CONTRACT.test(statement)) return [];
    const code = statement.replaceAll(/--.*$/gm, '').trim();
    return FORBIDDEN.filter(([, pattern]) => pattern.test(code)).map(
      ([what]) => `${what}: ${code.split('\n')[0]}`,
    );
  });
}

it('migrations since the last release keep all that it uses', () => {
  const [, last] =
    /^## \d.*\n+Commit `.*migrations up to (\d{4})/m.exec(textOf('CHANGELOG.md')) ?? [];
  expect(last, 'the newest version in CHANGELOG.md names its last migration').toBeDefined();
  const newer = files
    .filter((file) => file.startsWith('db/migrations/'))
    .filter(
      (file) => file.slice('db/migrations/'.length, 'db/migrations/0000'.length) > String(last),
    );
  const found = newer.flatMap((file) => broken(textOf(file)).map((text) => `${file} ${text}`));
  expect(found).toEqual([]);
});

/** A database that has a migration refuses every other text under its number, a comment in it included. */
it('no migration has changed since it was written', () => {
  const sum = (file: string) => createHash('sha256').update(textOf(file)).digest('hex');
  const migrations = files.filter((file) => /^db\/migrations\/.*\.sql$/.test(file));
  const sums = migrations.map((file) => `${sum(file)}  ${file.slice('db/migrations/'.length)}`);
  expect(sums).toEqual(textOf('test/house/migrations.sha256').trim().split('\n'));
});

it.each([
  'ALTER TABLE hot.orders DROP COLUMN sku;\n',
  'DROP FUNCTION hot.audit;\n',
  'ALTER TABLE hot.orders RENAME COLUMN sku TO article;\n',
  'ALTER TABLE hot.orders ALTER COLUMN units TYPE bigint;\n',
  'ALTER TABLE hot.orders ALTER COLUMN note SET NOT NULL;\n',
  'ALTER TABLE hot.orders ADD COLUMN note text NOT NULL;\n',
  'ALTER TABLE hot.orders ADD COLUMN n numeric(3, 2) NOT NULL CHECK (n > 0);\n',
  'REVOKE SELECT ON hot.orders FROM flashsale_ops;\n',
])('such a migration is refused: %s', (text) => {
  expect(broken(text)).toHaveLength(1);
  expect(broken(`-- contract: the last release has no such column\n${text}`)).toEqual([]);
});

it.each([
  'ALTER TABLE hot.orders ADD COLUMN note text;\n',
  `ALTER TABLE hot.orders ADD COLUMN at timestamptz NOT NULL DEFAULT now();\n`,
  'CREATE TABLE hot.more (a int NOT NULL, b int NOT NULL);\n',
  '-- DROP TABLE would break the last release\nCREATE INDEX more ON hot.orders (sku);\n',
  'REVOKE ALL ON FUNCTION hot.audit FROM PUBLIC;\n',
])('such a migration is allowed: %s', (text) => expect(broken(text)).toEqual([]));
