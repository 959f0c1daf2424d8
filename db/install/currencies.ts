import { CURRENCIES, fromUnits } from '../../contracts/money.ts';
import type { Queryable } from '../client/pool.ts';

/**
 * Writes the currencies and their limits into the database, where the routines check prices by them.
 * Existing SKUs keep their prices.
 *
 * @throws {DatabaseError}
 */
export async function installCurrencies(session: Queryable): Promise<void> {
  const rows = [...CURRENCIES.values()].map(({ code, digits, payable }) => ({
    currency: code,
    minor_digits: digits,
    pay_least: payable && fromUnits(payable.least, digits),
    pay_step: payable && fromUnits(payable.step, digits),
    pay_most: payable && fromUnits(payable.most, digits),
  }));
  await session.query({
    text: `
      WITH due AS MATERIALIZED (
        SELECT * FROM jsonb_populate_recordset(NULL::catalog.currency, $1)
      ), gone AS (
        DELETE FROM catalog.currency c WHERE c.currency NOT IN (SELECT d.currency FROM due d)
      )
      INSERT INTO catalog.currency AS c SELECT d.* FROM due d
      ON CONFLICT (currency) DO UPDATE
        SET minor_digits = excluded.minor_digits, pay_least = excluded.pay_least,
            pay_step = excluded.pay_step, pay_most = excluded.pay_most
        WHERE c IS DISTINCT FROM excluded`,
    values: [JSON.stringify(rows)],
  });
}
