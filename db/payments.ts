import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { DatabaseError } from './client/errors.ts';
import { homeAfter, patiently } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { orderDetails } from './orders.ts';

/**
 * Typed calls for payments that the provider has reported. Every function throws only DatabaseError.
 */

/** Wait for the other server's answer to a late payment. Workers carry it every 200 ms. */
const LATE_PAYMENT_TIMEOUT_MS = 4_000;
const LATE_PAYMENT_POLL_MS = 50;

export type PaymentResult = 'paid' | 'refund_due' | 'reference_taken' | 'not_found';

/**
 * Books a payment. The same reference again gets the same answer.
 *
 * @param admit called when the order has expired, because it gets free units only by an admission like
 *   that of a purchase. Returns the web node from whose grant the units were drawn; undefined if the
 *   order gets none. Called again if that node is fenced meanwhile
 * @throws {DatabaseError} `retry` also when the SKU of an expired order lives on another server that
 *   does not answer in time. Nothing is lost: the same call again finds the answer
 */
export async function payOrder(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  admit: () => Promise<string | undefined> = async () => undefined,
): Promise<PaymentResult> {
  const refusal = await refusalOfReference(databases, orderNo, paymentRef);
  if (refusal !== undefined) return refusal;
  const home = databases.ofOrder(orderNo);
  // Parameter of pay_order: null, `admit` was not called yet; '', the order gets no units.
  let node: string | null = null;
  let deadline = Number.POSITIVE_INFINITY;
  for (;;) {
    const [row] = await patiently(() =>
      databases.home(home).query<{ result: PaymentResult | 'late' | 'elsewhere' }>({
        name: `pay_order_${schemaOf(home)}`,
        text: `SELECT ${schemaOf(home)}.pay_order($1, $2, $3) AS result`,
        values: [orderNo, paymentRef, node],
      }),
    );
    const result = row?.result ?? 'not_found';
    if (result !== 'late' && result !== 'elsewhere') return result;
    if (performance.now() > deadline) {
      throw new DatabaseError(
        'retry',
        `late payment of order ${orderNo}: the other server did not answer in time`,
      );
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

/**
 * Books a payment for a refund, because its amount or currency is not that of the order.
 *
 * @param money `amount` is a decimal string, `currency` an ISO 4217 code
 */
export async function refusePayment(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  money: { readonly amount: string; readonly currency: string },
): Promise<PaymentResult> {
  const refusal = await refusalOfReference(databases, orderNo, paymentRef);
  if (refusal !== undefined) return refusal;
  const home = databases.ofOrder(orderNo);
  const [row] = await databases.home(home).query<{ result: PaymentResult }>({
    text: `SELECT ${schemaOf(home)}.refuse_payment($1, $2, $3, $4) AS result`,
    values: [orderNo, paymentRef, money.amount, money.currency],
  });
  return row?.result ?? 'not_found';
}

/**
 * Whether a payment was booked for an order whose sale has been dropped since. Providers repeat their
 * callbacks.
 */
export async function isDroppedPayment(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
): Promise<boolean> {
  const [row] = await databases.home(databases.ofOrder(orderNo)).query<{ is: boolean }>({
    name: 'is_dropped_payment',
    text: 'SELECT catalog.is_dropped_payment($1) AS is',
    values: [paymentRef],
  });
  return row?.is === true;
}

/**
 * Binds a payment reference to its order. All references are on the server of `regular`, so for an
 * order of another server this is a separate transaction before the payment. If the process dies in
 * between, the reference is bound to the order for which the call is repeated.
 *
 * @returns why the payment cannot be booked; undefined if it can
 */
async function refusalOfReference(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
): Promise<'not_found' | 'reference_taken' | undefined> {
  if (databases.home(databases.ofOrder(orderNo)) === databases.regular) return undefined;
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
 * Asks the server where the SKU lives for the units of an expired order. May be repeated.
 *
 * @returns the answer of transfer_units; `late`: the node that drew the units is fenced
 */
async function askForUnits(
  databases: Databases,
  orderNo: string,
  paymentRef: string,
  node: string,
): Promise<string | undefined> {
  const order = await orderDetails(databases, orderNo);
  if (order === undefined) return undefined;
  let home: Home | undefined = databases.ofOrder(orderNo);
  for (;;) {
    const asked: Home | undefined = await homeAfter(databases, home, order.sku);
    // The SKU has come to the home of the order, or is on its way: pay_order is called again.
    if (asked === undefined || asked === databases.ofOrder(orderNo)) return undefined;
    const [row] = await databases.home(asked).query<{ said: string }>({
      text: `SELECT ${schemaOf(asked)}.transfer_units($1, $2, $3, $4, $5, $6) AS said`,
      values: [order.sku, order.userId, order.units, orderNo, paymentRef, node],
    });
    if (row?.said !== 'moved' || asked !== REGULAR) return row?.said;
    home = asked;
  }
}
