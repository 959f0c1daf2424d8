import { expect, it } from 'vitest';
import { createSku, findSku, orderDetails, payOrder } from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

/** What a price may be: the database holds the rule of `contracts/money.ts`. */

const { worker, web, ops, sale } = await openShop();

const sell = (price: string, currency: string, userLimit = 1) =>
  stock(ops, sale, { units: 10, price, currency, userLimit });

it.each([
  ['1.234', 'KWD', 1, 'Stripe takes dinars in steps of ten fils'],
  ['1.2345', 'KWD', 1, 'there is no such fraction'],
  ['980.50', 'JPY', 1, 'there is no such fraction'],
  ['9.999', 'EUR', 1, 'there is no such fraction'],
  ['9.50', 'MGA', 1, 'no provider takes parts of an ariary'],
  ['6000000000', 'VND', 2, 'no payment is so large'],
  ['50000000', 'VND', 2, 'two of them are too much'],
  ['0.49', 'EUR', 1, 'no payment is so small'],
  ['-1', 'EUR', 1, 'it is negative'],
  ['NaN', 'EUR', 1, 'it is no number'],
  ['Infinity', 'EUR', 1, 'it has no end'],
  ['1.00', 'XYZ', 1, 'there is no such currency'],
  ['1', 'XAU', 1, 'gold has no minor unit'],
  ['1.000', 'IQD', 1, 'Stripe does not take it'],
])('%s %s is refused for %i: %s', async (price, currency, userLimit) => {
  await expect(sell(price, currency, userLimit)).rejects.toMatchObject({
    kind: 'refused',
    sqlstate: 'FS005',
  });
});

it.each([
  ['1.23', 'KWD', 3, '1.230', '3.690'],
  ['980', 'JPY', 2, '980', '1960'],
  ['980.00', 'JPY', 2, '980', '1960'],
  ['9.9', 'EUR', 2, '9.90', '19.80'],
  ['9', 'MGA', 1, '9.00', '9.00'],
  ['49999999', 'VND', 2, '49999999', '99999998'],
  ['333333.33', 'USD', 3, '333333.33', '999999.99'],
  ['0', 'KWD', 2, '0.000', '0.000'],
])(
  '%s %s for up to %i is told as %s, and an order as %s',
  async (price, currency, limit, told, amount) => {
    const sku = await sell(price, currency, limit);
    expect(await findSku(web, sku)).toMatchObject({ price: told, currency });
    const orderNo = await order(worker, sku, { units: limit });
    expect(await orderDetails(web, orderNo)).toMatchObject({ amount, currency });
    expect(await payOrder(web, orderNo, uniqueName('ref'))).toBe('paid');
  },
);

it('a price stays payable when somebody changes it by hand', async () => {
  const sku = await sell('300000.00', 'EUR', 3);
  const edit = (change: string) =>
    ops.hot
      .query({ text: `SELECT catalog.set_sku_state($1, 'open')`, values: [sku] })
      .then(() => change);
  expect(await edit('nothing')).toBe('nothing');
  await expect(
    createSku(ops, {
      sku,
      sale,
      schema: 'hot',
      title: 'A thing',
      price: '300000.001',
      currency: 'EUR',
      userLimit: 3,
      units: 1,
    }),
  ).rejects.toMatchObject({ sqlstate: 'FS005' });
});
