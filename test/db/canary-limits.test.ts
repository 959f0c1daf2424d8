import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { promoteCanary, startCanary, stopCanary } from '../../db/canary.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { install } from '../../db/install/install.ts';
import { openInstaller } from '../../db/install/installer.ts';
import { rollBackRoutine } from '../../db/install/rollback.ts';
import { until } from '../until.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, stock } from './shop.ts';

/** What a canary must not change: what its callers see, and what people did by hand. */

const FOLDER = join(import.meta.dirname, '..', '..', 'db', 'procedures');
const sourceOf = (name: string) => readFileSync(join(FOLDER, `${name}.sql`), 'utf8');
/** The file as psql runs it in the schema hot, with a remark. */
const byHand = (name: string, remark: string) =>
  sourceOf(name)
    .replaceAll(/(?<!:):schema\b/g, 'hot')
    .replaceAll(/(?<!:):'schema'/g, `'hot'`)
    .replace('\nBEGIN\n', `\nBEGIN\n  -- ${remark}\n`);
const actor = { by: 'dba@test', reason: 'test' };

let database: TestDatabase;
let session: Session;
let ops: Databases;
beforeAll(async () => {
  database = await createDatabase();
  session = await openInstaller(database.url);
  ops = database.as('ops', 3);
});
afterAll(async () => {
  await session?.close();
  await database?.remove();
});

async function withSession(use: (one: Session) => Promise<void>): Promise<void> {
  const one = await openSession(database.url, {
    applicationName: 'dba',
    ...PATIENCE,
  });
  await use(one).finally(() => one.close());
}

const asOwner = (sql: string) =>
  withSession((one) => one.run(`BEGIN; SET LOCAL ROLE flashsale_owner; ${sql}; COMMIT`));

async function textOf(routine: string): Promise<string> {
  const [row] = await database.admin.query<{ text: string }>({
    text: 'SELECT pg_get_functiondef($1::regproc) AS text',
    values: [routine],
  });
  return row?.text ?? '';
}

const start = (source: string, share: number) =>
  startCanary(session, { schema: 'hot', source, share, skus: [] });

it('one statement of a caller sees one moment, also while a SKU moves', async () => {
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 10, schema: 'regular' });
  const place = await start(sourceOf('unit_counts'), 0);
  const counts = {
    text: `SELECT sum(free)::int AS free FROM (SELECT * FROM regular.unit_counts() UNION ALL
             SELECT * FROM hot.unit_counts()) AS both_homes WHERE sku = $1`,
    values: [sku],
  };
  await withSession(async (one) => {
    // The dispatcher of hot waits here; the rows of regular have been read before.
    await one.run('BEGIN; LOCK TABLE catalog.routine_canary IN ACCESS EXCLUSIVE MODE');
    const asked = ops.regular.query<{ free: number }>(counts);
    await until('the statement waits', async () => {
      const rows = await database.admin.query({
        text: `SELECT FROM pg_locks WHERE NOT granted AND relation = 'catalog.routine_canary'::regclass`,
      });
      return rows.length > 0;
    });
    await database.admin.query({ text: 'SELECT * FROM hot.move_sku($1)', values: [sku] });
    await one.run('COMMIT');
    expect(await asked).toEqual([{ free: 10 }]);
  });
  await stopCanary(session, place);
});

it('a version that a DBA installs meanwhile stays when the canary is stopped', async () => {
  const place = await start(sourceOf('pay_order'), 0.1);
  await asOwner(byHand('pay_order', 'by hand'));
  await stopCanary(session, place);
  expect(await textOf('hot.pay_order')).toContain('by hand');
});

it('a version by hand that a canary replaces can be rolled back to', async () => {
  await asOwner(byHand('cancel_order', 'by hand'));
  const place = await start(
    sourceOf('cancel_order').replace('\nBEGIN\n', '\nBEGIN\n  -- canary\n'),
    0.1,
  );
  await promoteCanary(session, place);
  expect(await textOf('hot.cancel_order')).toContain('canary');
  await rollBackRoutine([{ session, schemas: ['hot'] }], 'cancel_order', undefined, actor);
  expect(await textOf('hot.cancel_order')).toContain('by hand');
});

it('a version whose tables are gone is not rolled back to', async () => {
  const old = sourceOf('order_facts').replaceAll(/(?<!:):schema\b/g, 'hot');
  await asOwner(
    `CREATE TABLE hot.gone (n int); ${old.replace(/FROM orders o\b/, 'FROM orders o LEFT JOIN gone g ON false')}`,
  );
  await install(database.url);
  await install(database.url, { force: true });
  await asOwner('DROP TABLE hot.gone');
  const back = rollBackRoutine([{ session, schemas: ['hot'] }], 'order_facts', undefined, actor);
  await expect(back).rejects.toThrow('"gone" does not exist');
  expect(await textOf('hot.order_facts')).not.toContain('gone');
});

it('a canary that fails is hidden from its caller in a transaction that only reads, too', async () => {
  const bad = sourceOf('tunable').replace('\nBEGIN\n', `\nBEGIN\n  RAISE EXCEPTION 'a bug';\n`);
  const place = await start(bad, 1);
  const asked = { text: `SELECT catalog.tunable('pick_retries')::int AS value` };
  await withSession(async (one) => {
    await one.run('BEGIN READ ONLY');
    expect(await one.query(asked)).toHaveLength(1);
    await one.run('ROLLBACK');
  });
  await stopCanary(session, place);
});

it('the present version decides if the row of the canary is gone', async () => {
  await start(sourceOf('tunable'), 1);
  await asOwner('DELETE FROM catalog.routine_canary');
  const asked = { text: `SELECT catalog.tunable('pick_retries')::int AS value` };
  expect(await database.admin.query(asked)).toHaveLength(1);
});
