import { setTimeout as sleep } from 'node:timers/promises';
import { areApart, otherSchema, patiently, schemaOfOrder } from './client/both-homes.ts';
import { DatabaseError } from './client/errors.ts';
import type { Databases } from './client/pool.ts';
import { orderDetails } from './orders.ts';

/** Payments that the provider has reported. Each function throws DatabaseError and nothing else. */

/** A late payment asks the other server; a worker carries the answer within a fraction of a second. */
const LATE_PAYMENT_TIMEOUT_MS = 4_000;
const LATE_PAYMENT_POLL_MS = 50;

export type PaymentResult = 'paid' | 'refund_due' | 'reference_taken' | 'not_found';

/**
 * Books a payment; the same reference again gets the same answer.
 *
 * @param admit asked when the order has expired and takes free units only by an admission like that of a
 *   purchase: which node has drawn them from its grant; undefined: none, there is no right to them. Asked
 *   again if that node is fenced meanwhile
 * @throws {DatabaseError} `retry` also when the SKU of an expired order lives on another server that
 *   does not answer in time: nothing is lost, the same call again finds the answer
 */
export async function payOrder(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  admit: () => Promise<string | undefined> = async () => undefined,
): Promise<PaymentResult> {
  const refusal = await refusalOfReference(databases, orderNo, paymentRef);
  if (refusal !== undefined) return refusal;
  const schema = schemaOfOrder(orderNo);
  // As pay_order takes it: null, that has to be seen; '', there is no right to units.
  let node: string | null = null;
  let deadline = Number.POSITIVE_INFINITY;
  for (;;) {
    const [row] = await patiently(() =>
      databases[schema].query<{ result: PaymentResult | 'late' | 'elsewhere' }>({
        name: `pay_order_${schema}`,
        text: `SELECT ${schema}.pay_order($1, $2, $3) AS result`,
        values: [orderNo, paymentRef, node],
      }),
    );
    const result = row?.result ?? 'not_found';
    if (result !== 'late' && result !== 'elsewhere') return result;
    if (performance.now() > deadline) {
      throw new DatabaseError('retry', `late payment of order ${orderNo}: no answer in time`);
    }
    const isLate =
      result === 'late' ||
      (await askForUnits(databases, orderNo, paymentRef, node ?? '')) === 'late';
    if (node !== null) await sleep(LATE_PAYMENT_POLL_MS);
    if (isLate) {
      const isFirst = node === null;
      node = (await admit()) ?? '';
      if (isFirst) deadline = performance.now() + LATE_PAYMENT_TIMEOUT_MS;
    }
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

/**
 * An expired order needs units of a SKU that lives on the other server: asks there, once or often.
 * @returns `late`: the node that drew them is fenced
 */
async function askForUnits(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  node: string,
): Promise<string | undefined> {
  const order = await orderDetails(databases, orderNo);
  if (order === undefined) return undefined;
  const home = otherSchema(schemaOfOrder(orderNo));
  const [row] = await databases[home].query<{ said: string }>({
    text: `SELECT ${home}.transfer_units($1, $2, $3, $4, $5, $6) AS said`,
    values: [order.sku, order.userId, order.units, orderNo, paymentRef, node],
  });
  return row?.said;
}
