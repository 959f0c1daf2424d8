import { afterAll, beforeAll, expect, it } from 'vitest';
import { Databases, type Pool } from '../../db/client/pool.ts';
import { Renderings } from '../../server/catalogue/renderings.ts';
import { readPageFiles } from '../../server/http/page-files.ts';
import { OrderPages } from '../../server/orders/order-pages.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { openWebNode } from './web-node.ts';

/** What a web node remembers for a moment, so that a crowd costs as much as one shopper. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

/** The same pool, and how many queries were made of it. */
function counted({ regular }: Databases) {
  const count = { queries: 0 };
  const pool: Pool = {
    ...regular,
    query(statement) {
      count.queries += 1;
      return regular.query(statement);
    },
  };
  return { count, databases: Databases.ofOne(pool) };
}

it('the first page of orders is read once for all who ask at the same time', async () => {
  const { count, databases } = counted(database.as('web'));
  const pages = new OrderPages(databases);
  await pages.first('ada');
  const ofOnePage = count.queries;
  expect(ofOnePage).toBeGreaterThan(0);
  pages.forget('ada');
  await Promise.all(Array.from({ length: 100 }, () => pages.first('ada')));
  expect(count.queries).toBe(2 * ofOnePage);
  await pages.first('bob');
  expect(count.queries).toBe(3 * ofOnePage);
});

it('a sale is rendered once for all who ask at the same time', () => {
  const renderings = new Renderings();
  let rendered = 0;
  const read = () => {
    rendered += 1;
    return { facts: { sale: 'demo' }, clock: { serverTime: rendered } };
  };
  const bodies = Array.from({ length: 1_000 }, () => renderings.get('demo', 1, read).body);
  // A slow machine may come to the next tenth of a second meanwhile.
  expect(rendered).toBeLessThan(100);
  expect(new Set(bodies).size).toBe(rendered);
  renderings.get('other', 1, read);
  expect(JSON.parse(renderings.get('other', 1, read).body)).toEqual({
    sale: 'demo',
    serverTime: rendered,
  });
  renderings.get('other', 2, read);
  expect(JSON.parse(renderings.get('other', 2, read).body).serverTime).toBe(rendered);
});

it('pages, files and the catalogue ask the database nothing', async () => {
  let asked = 0;
  const databases = new Proxy({} as Databases, {
    get() {
      asked += 1;
      throw new Error('the database is asked');
    },
  });
  const node = await openWebNode({ databases });
  const [askedAtStart, readAtStart] = [asked, node.world.boardReads];
  for (const url of [
    ...[
      '/',
      '/notices',
      '/sales/demo',
      '/sales/demo/lottery',
      '/sales/nowhere',
      '/service-worker.js',
    ],
    ...['/api/v1/sales', '/api/v1/sales/demo', '/api/v1/notices', '/images/bolt.svg'],
    `${readPageFiles().prefix}/js/api.js`,
  ]) {
    for (let n = 0; n < 5; n += 1) {
      const { statusCode } = await node.app.inject({ url });
      expect([url, statusCode]).toEqual([url, url.includes('nowhere') ? 404 : 200]);
    }
  }
  expect([asked, node.world.boardReads]).toEqual([askedAtStart, readAtStart]);
  const headers = { authorization: `Bearer ${node.tokenOf('ada')}` };
  await node.app.inject({ url: '/api/v1/orders', headers });
  expect(asked).toBeGreaterThan(askedAtStart);
  await node.close();
});
