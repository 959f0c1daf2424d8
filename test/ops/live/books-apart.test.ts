import { expect, it } from 'vitest';
import { payOrder } from '../../../db/calls.ts';
import { BookLook, type BookSku } from '../../../ops/live/books.ts';
import { order, stock } from '../../db/shop.ts';
import { openTwoServers } from '../../db/two-servers.ts';
import { until } from '../../until.ts';

/** The live view while one of two servers answers some questions only. */

const { servers, worker, ops, sale } = await openTwoServers();

it('tells no figure of a home that did not answer the question for it', async () => {
  const here = await stock(ops, sale, { units: 5, schema: 'regular' });
  const there = await stock(ops, sale, { units: 5, schema: 'hot' });
  const books = new BookLook(servers.as('console'));
  const look = async () => {
    const { skus } = await books.look();
    const of = (name: string): BookSku | undefined => skus.find(({ sku }) => sku === name);
    return { here: of(here), there: of(there) };
  };
  expect((await look()).there).toMatchObject({ held: 0, sold: 0, waitlisted: 0, free: 5 });

  const hot = servers.admin.home('hot');
  const rename = (from: string, to: string) =>
    hot.query({
      text: `ALTER VIEW hot.unpaid_${from} RENAME TO unpaid_${to};
             ALTER VIEW hot.line_${from} RENAME TO line_${to};
             ALTER FUNCTION hot.placed_lately${from === 'gone' ? '_gone' : ''}(int)
               RENAME TO placed_lately${to === 'gone' ? '_gone' : ''}`,
    });
  await rename('backlog', 'gone');
  try {
    await order(worker, there);
    await order(worker, there);
    const orderNo = await order(worker, here);
    await payOrder(worker, orderNo, `paid-${orderNo}`);
    const counted = await until('the unpaid orders are counted again', async () => {
      const both = await look();
      return both.here?.sold === 1 && both;
    });
    expect(counted.there).toMatchObject({ total: 5, free: 3, held: 2, sold: 0 });
    const { here: known, there: unknown } = await until('the others are asked again', async () => {
      const both = await look();
      const isAsked = both.there?.waitlisted === null && both.there.ordersPerSecond === null;
      return isAsked && both;
    });
    expect(unknown).toMatchObject({ waitlistServed: null, waitlistHeld: null });
    expect(known).toMatchObject({ held: 0, waitlisted: 0 });
  } finally {
    await rename('gone', 'backlog');
  }
});
