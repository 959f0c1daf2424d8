import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unifiedDiff } from '../../db/install/diff.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { schemaText } from './schema-text.ts';

/** db/schema.sql is the result of the migrations. */

const WRITTEN = readFileSync(new URL('../../db/schema.sql', import.meta.url), 'utf8');

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

const ask = (statement: Parameters<TestDatabase['admin']['query']>[0]) =>
  database.admin.query<Record<string, unknown>>(statement);
const text = () => schemaText(ask);

it('db/schema.sql matches a new database', async () => {
  const diff = unifiedDiff(WRITTEN, await text(), 'db/schema.sql', 'the database');
  expect(diff, 'the migrations lead to other tables: npm run schema, and commit it').toBe('');
});

it.each([
  ['a column', 'ALTER TABLE hot.orders ADD COLUMN extra int', '+  extra integer'],
  [
    'a constraint',
    'ALTER TABLE hot.buyer ADD CHECK (units < 9)',
    '+  CONSTRAINT buyer_units_check1',
  ],
  ['an index', 'CREATE INDEX extra ON regular.waiting (asked_at)', '+CREATE INDEX extra'],
  ['a right', 'GRANT SELECT ON catalog.sku TO flashsale_web', '+GRANT SELECT ON catalog.sku TO'],
  [
    'a trigger that is gone',
    'DROP TRIGGER check_price ON catalog.sku',
    '-CREATE TRIGGER check_price',
  ],
])('db/schema.sql shows %s', async (_, change, shown) => {
  const before = await text();
  await database.admin.query({ text: change });
  expect(unifiedDiff(before, await text(), 'before', 'after')).toContain(shown);
});
