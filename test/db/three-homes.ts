import { REGULAR } from '../../contracts/homes.ts';
import { Databases, type Pool, type Role } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { createDatabase, type TestDatabase } from './database.ts';

/** `regular` and two hot homes, each in a database of its own on the server of the test run. */

export const HOMES = [REGULAR, 'hot-1', 'hot-2'] as const;
type Name = (typeof HOMES)[number];

export interface ThreeHomes {
  readonly urls: ReadonlyMap<string, string>;
  as(role: Role, max?: number): Databases;
  readonly admin: Databases;
  remove(): Promise<void>;
}

/** A database that no installation has yet. The test databases are copies of one. */
export async function freshDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  await database.admin.query({ text: 'UPDATE catalog.home SET hub = NULL' });
  await database.admin.query({ text: 'UPDATE catalog.installation SET id = gen_random_uuid()' });
  return database;
}

export async function startThreeHomes(): Promise<ThreeHomes> {
  const of = new Map<Name, TestDatabase>();
  for (const home of HOMES) of.set(home, await freshDatabase());
  const pools = (open: (database: TestDatabase) => Pool) =>
    Object.fromEntries([...of].map(([home, database]) => [home, open(database)])) as Record<
      Name,
      Pool
    >;
  const urls = new Map([...of].map(([home, { url }]) => [home, url]));
  await prepareHomes(urls);
  return {
    urls,
    as: (role, max = 4) => new Databases(pools((database) => database.as(role, max).regular)),
    admin: new Databases(pools(({ admin }) => admin)),
    async remove() {
      for (const database of of.values()) await database.remove();
    },
  };
}
