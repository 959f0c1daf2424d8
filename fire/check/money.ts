import { type Evidence, groups } from './evidence.ts';

/** Promises about money: each payment buys its order, or goes back, once. */

export function moneyEqualsOrders({ dump, orders, calls }: Evidence): string[] {
  const found: string[] = [];
  const free = new Set(dump.skus.filter(({ price }) => Number(price) === 0).map(({ sku }) => sku));
  const booked = Map.groupBy(dump.payments, ({ order_no: orderNo }) => orderNo);
  for (const order of dump.orders) {
    const paid = (booked.get(order.order_no) ?? []).filter(({ result }) => result === 'paid');
    const wanted = order.status === 'paid' && !free.has(order.sku) ? 1 : 0;
    if (paid.length === wanted) continue;
    const refs = paid.map(({ payment_ref: ref }) => ref).join(', ') || 'none';
    found.push(`order ${order.order_no} is ${order.status}, and was paid by: ${refs}`);
  }
  for (const payment of dump.payments) {
    const { payment_ref: ref, order_no: orderNo, result, refund } = payment;
    if (!orders.has(orderNo))
      found.push(`payment ${ref} is for order ${orderNo}, which is not there`);
    if (result === 'refund_due' && refund === '') found.push(`payment ${ref} never goes back`);
    if (result === 'paid' && refund !== '')
      found.push(`payment ${ref} bought, and is ${refund} too`);
  }
  for (const [ref, rows] of groups(dump.payments, ({ payment_ref: ref }) => ref)) {
    if (rows.length > 1) found.push(`payment ${ref} is booked ${rows.length} times`);
  }
  const told = new Map(dump.refunds.map((one) => [one.payment_ref, one.told]));
  const back = dump.payments.filter(({ result }) => result === 'refund_due');
  for (const { payment_ref: ref } of back) {
    if (!told.has(ref)) found.push(`payment ${ref} goes back, and the merchant is not told`);
  }
  for (const [ref, times] of told) {
    if (Number(times) > 1) found.push(`payment ${ref} goes back ${times} times`);
  }
  const known = new Set(dump.payments.map(({ payment_ref: ref }) => ref));
  for (const { payment, status } of calls) {
    if (payment === undefined || status === null || status >= 300) continue;
    if (!known.has(payment.reference)) {
      found.push(`payment ${payment.reference} was accepted, and is not in the books`);
    }
  }
  return found;
}
