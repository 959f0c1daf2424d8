import { afterAll, expect, it } from 'vitest';
import { buildApp } from '../../console/app.ts';
import { readConfig } from '../../console/config.ts';
import type { Context } from '../../console/context.ts';
import { cookiesOf } from '../../console/login/cookies.ts';
import { Sessions } from '../../console/login/sessions.ts';
import { DAILY_UNITS } from '../../contracts/goods.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { createLog } from '../../process/log.ts';
import { openSale, stock } from '../db/shop.ts';
import { openTwoServers } from '../db/two-servers.ts';

/** The list of sales while the server of a home is away. */

const { servers, ops } = await openTwoServers();
const nowhere = createPool({
  url: 'postgres://127.0.0.1:1/x',
  max: 1,
  applicationName: 'test',
});
afterAll(() => nowhere.close());

/** The products of a sale, as the console lists them. */
async function listed(databases: Databases, sale: string) {
  const config = readConfig({
    ...{ DEMO: '1', CONSOLE_TOKENS: `ann=merchant:${'1'.repeat(64)}` },
    ...{ DATABASE_URL: 'postgresql://x/x', AMQP_URL: 'amqp://x', ZOOKEEPER: 'x:2181' },
  });
  const sessions = new Sessions(config.sessionMinutes);
  const cookies = cookiesOf(config.url, sessions.lifeMs, 60_000);
  const log = createLog('console', 'silent');
  const app = await buildApp({ config, log, sessions, cookies, databases } as unknown as Context);
  const { id } = sessions.start({ login: 'ann', roles: ['merchant'] });
  const answer = await app.inject({ url: '/api/sales', cookies: { [cookies.session]: id } });
  await app.close();
  expect(answer.statusCode).toBe(200);
  const { sales } = answer.json();
  return sales.find((one: { sale: string }) => one.sale === sale).skus;
}

it('tells no stock of a home that is away, nor of daily goods, whose stock does not end', async () => {
  // The settings of operators are asked for only of sales that are not over.
  const sale = await openSale(ops, { opensInMs: -7_200_000, closesInMs: -3_600_000 });
  const here = await stock(ops, sale, { units: 5, schema: 'regular' });
  const there = await stock(ops, sale, { units: 7, schema: 'hot' });
  const terms = { units: DAILY_UNITS, price: '0.00', zone: 'Europe/Berlin' };
  const daily = await stock(ops, sale, { ...terms, schema: 'regular' });
  const own = { sku: here, units: 5, free: 5 };
  const each = { sku: daily, units: null, free: null, isDaily: true };

  const all = await listed(servers.as('console'), sale);
  expect(all).toHaveLength(3);
  expect(all).toContainEqual(expect.objectContaining(own));
  expect(all).toContainEqual(expect.objectContaining(each));
  expect(all).toContainEqual(expect.objectContaining({ sku: there, units: 7, free: 7 }));

  const { regular } = servers.as('console');
  const some = await listed(new Databases({ regular, hot: nowhere }), sale);
  expect(some).toContainEqual(expect.objectContaining(own));
  expect(some).toContainEqual(expect.objectContaining({ sku: there, units: null, free: null }));
});
