import { carry, routesTo } from '../../db/calls.ts';
import { Databases, openSession, type Pool, type Role } from '../../db/client/pool.ts';
import { databaseUrl, servers, uniqueName } from '../servers.ts';
import { openPool, PATIENCE } from './database.ts';

/** For tests in which a server is set back: a copy of its database, made at that time, takes its place. */

const pools: Pool[] = [];
const copies: string[] = [];

const superuser = () => openSession(servers.databaseUrl, { applicationName: 'test', ...PATIENCE });

/** A pool that `removeCopies` closes. */
export function openFor(url: string, max = 4, role?: Role): Pool {
  const pool = openPool(url, max, role);
  pools.push(pool);
  return pool;
}

export function openHomes(regular: string, hot: string, role?: Role): Databases {
  const one = openFor(regular, 4, role);
  return new Databases({ regular: one, hot: hot === regular ? one : openFor(hot, 4, role) });
}

/** Copies a database as it is now, and returns the URL of the copy. Ends the sessions of the database. */
export async function copyOf(url: string): Promise<string> {
  const [name, copy] = [new URL(url).pathname.slice(1), uniqueName('copy')];
  const session = await superuser();
  await session.run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await session.run(
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
  await session.run(`CREATE DATABASE ${copy} TEMPLATE ${name} STRATEGY file_copy`);
  await session.run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await session.close();
  copies.push(copy);
  return databaseUrl(copy);
}

/** Closes all pools and drops all copies. */
export async function removeCopies(): Promise<void> {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  const session = await superuser();
  for (const copy of copies.splice(0)) await session.run(`DROP DATABASE ${copy} WITH (FORCE)`);
  await session.close();
}

export async function carryAll(databases: Databases): Promise<void> {
  for (const home of databases.homes) {
    for (const route of routesTo(databases, home)) await carry(route);
  }
}

/** The home that has the SKU; undefined while it is under way. */
export async function homeOf(databases: Databases, sku: string): Promise<string | undefined> {
  const text = 'SELECT FROM catalog.sku_homes() WHERE sku = $1 AND schema = $2 AND NOT abroad';
  for (const home of databases.homes) {
    const found = await databases.home(home).query({ text, values: [sku, home] });
    if (found.length > 0) return home;
  }
  return undefined;
}

/** Units in orders of `regular` and `hot`. */
export async function heldUnits(databases: Databases, sku: string): Promise<number> {
  let sum = 0;
  for (const home of ['regular', 'hot']) {
    const [row] = await databases.home(home).query<{ units: string }>({
      text: `SELECT coalesce(sum(units), 0) AS units FROM ${home}.orders
             WHERE sku = $1 AND status IN ('ordered', 'paid')`,
      values: [sku],
    });
    sum += Number(row?.units);
  }
  return sum;
}
