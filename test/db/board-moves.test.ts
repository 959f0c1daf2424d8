import { expect, it } from 'vitest';
import { moveSku, saleBoard } from '../../db/calls.ts';
import { Databases, type Pool } from '../../db/client/pool.ts';
import { stock } from './shop.ts';
import { openTwoServers } from './two-servers.ts';

/** What the board shows of a SKU while the SKU moves from one server to the other. */

const { worker, ops, sale } = await openTwoServers();

it('the board never shows a SKU as sold out because it moved between the answers of the two servers', async () => {
  const sku = await stock(ops, sale, { units: 10, schema: 'regular' });
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  const { promise: moved, resolve: goOn } = Promise.withResolvers<void>();
  // The hot server answers before the move, the regular server after it.
  const hot: Pool = {
    ...worker.home('hot'),
    async query(statement) {
      const rows = await worker.home('hot').query(statement);
      tell();
      return rows as never;
    },
  };
  const regular: Pool = {
    ...worker.regular,
    async query(statement) {
      await moved;
      return (await worker.regular.query(statement)) as never;
    },
  };
  const board = saleBoard(new Databases({ regular, hot }));
  await asked;
  await moveSku(ops, 'hot', sku);
  goOn();
  const { sales } = await board;
  const found = sales.flatMap(({ skus }) => skus).find((one) => one.sku === sku);
  expect(found?.free === 0 && !found.unpaidExists).toBe(false);
});
