import { expect, it } from 'vitest';
import { CURRENCIES, fromUnits } from '../../contracts/money.ts';
import { findSku, orderDetails, payOrder } from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

/** Which prices are allowed: the database enforces the rule of `contracts/money.ts`. */

const { database, worker, web, ops, sale } = await openShop();

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
])('the price %s %s is refused for up to %i units: %s', async (price, currency, userLimit) => {
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
  'the price %s %s for up to %i units is shown as %s, and an order as %s',
  async (price, currency, limit, told, amount) => {
    const sku = await sell(price, currency, limit);
    expect(await findSku(web, sku)).toMatchObject({ price: told, currency });
    const orderNo = await order(worker, sku, { units: limit });
    expect(await orderDetails(web, orderNo)).toMatchObject({ amount, currency });
    expect(await payOrder(web, orderNo, uniqueName('ref'))).toBe('paid');
  },
);

it('the rule for prices holds for changes that are made by hand', async () => {
  const sku = await sell('300000.00', 'EUR', 3);
  const edit = (change: string) =>
    database.admin.query({
      text: `UPDATE catalog.sku SET ${change} WHERE sku = $1`,
      values: [sku],
    });
  await expect(edit('user_limit = 4')).rejects.toMatchObject({ sqlstate: 'FS005' });
  await expect(edit(`currency = 'JPY', price = 0.5`)).rejects.toMatchObject({ sqlstate: 'FS005' });
  await edit('price = 7, user_limit = 4');
  expect(await findSku(web, sku)).toMatchObject({ price: '7.00', userLimit: 4 });
});

it('the database has the same bounds as the code for every currency', async () => {
  const rows = await database.admin.query({
    text: `SELECT currency AS code, minor_digits AS digits, pay_least::text AS least,
                  pay_step::text AS step, pay_most::text AS most
           FROM catalog.currency ORDER BY currency`,
  });
  const due = [...CURRENCIES.values()]
    .toSorted((a, b) => (a.code < b.code ? -1 : 1))
    .map(({ code, digits, payable }) => ({
      code,
      digits,
      least: payable ? fromUnits(payable.least, digits) : null,
      step: payable ? fromUnits(payable.step, digits) : null,
      most: payable ? fromUnits(payable.most, digits) : null,
    }));
  expect(rows).toEqual(due);
});

it('the database accepts the bounds of every currency, and nothing beyond them', async () => {
  await database.admin.query({
    text: `
      CREATE FUNCTION public.is_sold(p_price numeric, p_currency text) RETURNS boolean
      LANGUAGE plpgsql AS $body$
      BEGIN
        PERFORM catalog.create_sku('s' || md5(p_price::text || p_currency), '${sale}', 'hot', 'A thing',
                                   p_price, p_currency, 1, 1, 1);
        RETURN true;
      EXCEPTION WHEN SQLSTATE 'FS005' THEN
        RETURN false;
      END
      $body$`,
  });
  const wrong = await database.admin.query({
    text: `
      SELECT c.currency, p.price
      FROM catalog.currency c
      CROSS JOIN LATERAL (VALUES
        (c.pay_least, true), (c.pay_most, true), (c.pay_least - c.pay_step, false),
        (c.pay_most + c.pay_step, false), (c.pay_least + c.pay_step / 2, false)) AS p (price, is_right)
      WHERE p.price > 0 AND p.is_right <> public.is_sold(p.price, c.currency)`,
  });
  expect(wrong).toEqual([]);
});
