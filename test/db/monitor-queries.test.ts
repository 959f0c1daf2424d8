import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openSession } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';

/** The queries of the exporter: what may take long holds nobody up, and must wake nobody. */

const FILE = join(import.meta.dirname, '../../ops/monitoring/postgres-queries.yml');
const { postgres_longest: longest } = parse(readFileSync(FILE, 'utf8'));
/** Of this database alone: the tests of others share the server. */
const OWN = '(SELECT * FROM pg_stat_activity WHERE datname = current_database()) a';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

it.each([
  ['an audit', 'flashsale audit', false],
  ['a dump', 'pg_dump', false],
  ['a backup, whose begin waits for a checkpoint', 'pgBackRest [backup]', false],
  ['any other statement', 'psql', true],
])('%s (%s) counts: %s', async (_what, applicationName, counts) => {
  const session = await openSession(database.url, { applicationName, ...PATIENCE });
  const done = session.run('SELECT pg_sleep(2)');
  const asked = longest.query.replace('pg_stat_activity a', OWN);
  const sleeping = `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()
                    AND query_start < clock_timestamp() - interval '1 s'`;
  await until(
    'it has run for a second',
    async () => (await database.admin.query({ text: sleeping })).length > 0,
  );
  const [row] = await database.admin.query<{ statement_seconds: number }>({ text: asked });
  expect((row?.statement_seconds ?? 0) > 1).toBe(counts);
  await done;
  await session.close();
});
