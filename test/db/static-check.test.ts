import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale } from './shop.ts';

/** plpgsql_check over every routine finds wrong names, types and statements that no test runs. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

const ask = async (text: string) => database.admin.query<Record<string, unknown>>({ text });

/**
 * Whether the server is made from packages of this machine: the test set-up installs the extension
 * on it.
 */
async function isPrivateServer(): Promise<boolean> {
  const [row] = await ask('SHOW data_directory');
  const folder = String(row?.['data_directory']);
  return folder.includes('flashsale-test-') && existsSync(folder);
}

it('plpgsql_check finds nothing wrong in any routine', async ({ skip }) => {
  const found = await ask(`SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'`);
  if (found.length === 0) {
    expect(await isPrivateServer(), 'install postgresql-15-plpgsql-check (npm test does)').toBe(
      false,
    );
    skip('this PostgreSQL has no plpgsql_check: the routines are not checked statically here');
  }
  await ask('CREATE EXTENSION plpgsql_check');
  // Only later sales have the trigger index_request, and a trigger is checked with its table.
  for (let sales = 0; sales < 5; sales += 1) await openSale(database.as('ops'));
  const routines = await ask(`
    SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
      AND l.lanname = 'plpgsql'`);
  expect(routines.length).toBeGreaterThan(25);
  const problems = await ask(`
    SELECT p.oid::regprocedure::text AS routine, c.lineno, c.level, c.message, c.statement, c.query
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN LATERAL plpgsql_check_function_tb(
      p.oid, coalesce((SELECT t.tgrelid FROM pg_trigger t WHERE t.tgfoid = p.oid LIMIT 1), 0),
      newtable => (SELECT max(t.tgnewtable::text)::name FROM pg_trigger t WHERE t.tgfoid = p.oid),
      performance_warnings => false, security_warnings => true, extra_warnings => true) c
    WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
      AND l.lanname = 'plpgsql'
      -- A bigint that begins as 0 is no mistake.
      AND NOT (c.statement = 'statement block'
               AND c.message = 'target type is different type than source type')
    ORDER BY 1, 2`);
  expect(problems).toEqual([]);
});

it('plpgsql_check reports a name that does not exist', async ({ skip }) => {
  const found = await ask(`SELECT FROM pg_extension WHERE extname = 'plpgsql_check'`);
  if (found.length === 0) skip('this PostgreSQL has no plpgsql_check');
  await ask(`CREATE FUNCTION hot.wrong() RETURNS int LANGUAGE plpgsql
    AS 'BEGIN RETURN (SELECT remaning FROM hot.stock_slot); END'`);
  const seen = await ask(`SELECT message FROM plpgsql_check_function_tb('hot.wrong'::regproc)`);
  expect(seen).toMatchObject([{ message: 'column "remaning" does not exist' }]);
});
