import { setTimeout as sleep } from 'node:timers/promises';
import { otherSchema, patiently, schemaOfOrder } from './both-schemas.ts';
import { DatabaseError } from './errors.ts';
import { orderDetails } from './orders.ts';
import type { Databases } from './pool.ts';

/** Payments that the provider has reported. */

/** A late payment asks the other server; a worker carries the answer within a fraction of a second. */
const LATE_PAYMENT_TIMEOUT_MS = 4_000;
const LATE_PAYMENT_POLL_MS = 50;

export type PaymentResult = 'paid' | 'refund_due' | 'reference_taken' | 'not_found';

/**
 * Books a payment; the same reference again gets the same answer.
 *
 * @throws {DatabaseError} `retry` also when the SKU of an expired order lives on another server that
 *   does not answer in time: nothing is lost, the same call again finds the answer
 */
export async function payOrder(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
): Promise<PaymentResult> {
  const schema = schemaOfOrder(orderNo);
  const deadline = performance.now() + LATE_PAYMENT_TIMEOUT_MS;
  for (;;) {
    const [row] = await patiently(() =>
      databases[schema].query<{ result: PaymentResult | 'elsewhere' }>({
        name: `pay_order_${schema}`,
        text: `SELECT ${schema}.pay_order($1, $2) AS result`,
        values: [orderNo, paymentRef],
      }),
    );
    const result = row?.result ?? 'not_found';
    if (result !== 'elsewhere') return result;
    if (performance.now() > deadline) {
      throw new DatabaseError('retry', `order ${orderNo} waits for the server of its SKU`);
    }
    await askForUnits(databases, orderNo, paymentRef);
    await sleep(LATE_PAYMENT_POLL_MS);
  }
}

/** An expired order needs units of a SKU that lives on the other server: asks there, once or often. */
async function askForUnits(databases: Databases, orderNo: string, paymentRef: string) {
  const order = await orderDetails(databases, orderNo);
  if (order === undefined) return;
  const home = otherSchema(schemaOfOrder(orderNo));
  await databases[home].query({
    text: `SELECT ${home}.lend_units($1, $2, $3, $4, $5)`,
    values: [order.sku, order.userId, order.units, orderNo, paymentRef],
  });
}
