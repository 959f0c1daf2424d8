import { setTimeout as sleep } from 'node:timers/promises';
import { areApart, otherSchema, patiently, schemaOfOrder } from './both-schemas.ts';
import { DatabaseError } from './errors.ts';
import { orderDetails } from './orders.ts';
import type { Databases } from './pool.ts';

/** Payments that the provider has reported. Each function throws DatabaseError and nothing else. */

/** A late payment asks the other server; a worker carries the answer within a fraction of a second. */
const LATE_PAYMENT_TIMEOUT_MS = 4_000;
const LATE_PAYMENT_POLL_MS = 50;

export type PaymentResult = 'paid' | 'refund_due' | 'reference_taken' | 'not_found';

/**
 * Books a payment; the same reference again gets the same answer.
 *
 * @param admit asked when the order has expired: whether free units may be taken for it again, which is an
 *   admission like that of a purchase
 * @throws {DatabaseError} `retry` also when the SKU of an expired order lives on another server that
 *   does not answer in time: nothing is lost, the same call again finds the answer
 */
export async function payOrder(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  admit: () => Promise<boolean> = async () => true,
): Promise<PaymentResult> {
  const refusal = await refusalOfReference(databases, orderNo, paymentRef);
  if (refusal !== undefined) return refusal;
  const schema = schemaOfOrder(orderNo);
  let mayTake: boolean | null = null;
  let deadline = Number.POSITIVE_INFINITY;
  for (;;) {
    const [row] = await patiently(() =>
      databases[schema].query<{ result: PaymentResult | 'late' | 'elsewhere' }>({
        name: `pay_order_${schema}`,
        text: `SELECT ${schema}.pay_order($1, $2, $3) AS result`,
        values: [orderNo, paymentRef, mayTake],
      }),
    );
    const result = row?.result ?? 'not_found';
    if (result === 'late') {
      mayTake = await admit();
      deadline = performance.now() + LATE_PAYMENT_TIMEOUT_MS;
      continue;
    }
    if (result !== 'elsewhere') return result;
    if (performance.now() > deadline) {
      throw new DatabaseError('retry', `order ${orderNo} waits for the server of its SKU`);
    }
    await askForUnits(databases, orderNo, paymentRef);
    await sleep(LATE_PAYMENT_POLL_MS);
  }
}

/** Books a payment that the order cannot have: its amount (a decimal string) or currency is another. */
export async function refusePayment(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  money: { readonly amount: string; readonly currency: string },
): Promise<PaymentResult> {
  const refusal = await refusalOfReference(databases, orderNo, paymentRef);
  if (refusal !== undefined) return refusal;
  const schema = schemaOfOrder(orderNo);
  const [row] = await databases[schema].query<{ result: PaymentResult }>({
    text: `SELECT ${schema}.refuse_payment($1, $2, $3, $4) AS result`,
    values: [orderNo, paymentRef, money.amount, money.currency],
  });
  return row?.result ?? 'not_found';
}

/**
 * References are bound to orders on the server of `regular`. For an order of another server that comes
 * first, in a transaction of its own: who dies in between has bound it to the order that asks again.
 */
async function refusalOfReference(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
): Promise<'not_found' | 'reference_taken' | undefined> {
  if (!areApart(databases) || schemaOfOrder(orderNo) === 'regular') return undefined;
  const order = await orderDetails(databases, orderNo);
  if (order === undefined) return 'not_found';
  const [row] = await databases.regular.query<{ claimed: boolean }>({
    name: 'claim_reference',
    text: 'SELECT catalog.claim_reference($1, $2, $3) AS claimed',
    values: [paymentRef, order.sale, orderNo],
  });
  return row?.claimed === true ? undefined : 'reference_taken';
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
