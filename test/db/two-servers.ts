import { afterAll, expect } from 'vitest';
import type { Home } from '../../contracts/homes.ts';
import {
  audit,
  type CarryOptions,
  carry as carryOn,
  routesTo,
  saleBoard,
  unitCounts,
} from '../../db/calls.ts';
import { Databases, type Pool, type Role } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { type CrashServer, startCrashServer } from './crash-server.ts';
import { createDatabase, openPool } from './database.ts';
import { openSale } from './shop.ts';

/**
 * A database for `regular` on the server of the test run, and one for `hot` on a second server that
 * is started for it.
 */
export interface TwoServers {
  readonly urls: { readonly regular: string; readonly hot: string };
  as(role: Role, max?: number): Databases;
  /** Pools of superusers, for tests that inspect or damage rows. */
  readonly admin: Databases;
  /** The server of `hot`. It restarts by itself after it was stopped. */
  readonly second: CrashServer;
  remove(): Promise<void>;
}

export async function startTwoServers(): Promise<TwoServers> {
  const second = await startCrashServer();
  const first = await createDatabase();
  await prepareHomes(
    new Map([
      ['regular', first.url],
      ['hot', second.url],
    ]),
  );
  const pools: Pool[] = [];
  const hot = (max: number, role?: Role) => {
    const pool = openPool(second.url, max, role);
    pools.push(pool);
    return pool;
  };
  return {
    urls: { regular: first.url, hot: second.url },
    as: (role, max = 4) =>
      new Databases({ regular: first.as(role, max).regular, hot: hot(max, role) }),
    admin: new Databases({ regular: first.admin, hot: hot(4) }),
    second,
    async remove() {
      await Promise.all(pools.map((pool) => pool.close()));
      await second.remove();
      await first.remove();
    },
  };
}

/**
 * Opens two servers with an open sale for one test file, while the file is loaded. After the tests,
 * the audit must find nothing.
 */
export async function openTwoServers() {
  const servers = await startTwoServers();
  const ops = servers.as('ops');
  afterAll(async () => {
    expect(await audit(ops)).toEqual([]);
    await servers.remove();
  });
  const worker = servers.as('worker', 8);
  const sale = await openSale(ops);

  /** The units of a SKU. Counts and catalogue must agree. */
  async function count(sku: string) {
    const found = (await unitCounts(worker)).find((candidate) => candidate.sku === sku);
    const { skus } = (await saleBoard(worker)).sales.find((one) => one.sale === sale) ?? {};
    const onBoard = skus?.filter((row) => row.sku === sku) ?? [];
    expect(onBoard).toHaveLength(1);
    expect(onBoard[0]).toMatchObject({ free: found?.free, unitsTotal: found?.unitsTotal });
    return { total: found?.unitsTotal, free: found?.free, schema: onBoard[0]?.schema };
  }

  return { servers, worker, ops, sale, count };
}

/** Carries the waiting transfers to a home. @returns how many */
export async function carryTo(worker: Databases, to: Home, options: CarryOptions = {}) {
  let transfers = 0;
  for (const route of routesTo(worker, to)) transfers += (await carryOn(route, options)).transfers;
  return { transfers };
}

/** Carries all transfers to their target, as every worker does several times a second. */
export async function carry(worker: Databases): Promise<void> {
  for (;;) {
    let transfers = 0;
    for (const home of worker.homes) transfers += (await carryTo(worker, home)).transfers;
    if (transfers === 0) return;
  }
}
