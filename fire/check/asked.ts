import type { Evidence } from './evidence.ts';
import type { Call } from './history.ts';

/** Promises about orders: each is what its shopper asked for. */

/** The shop said that it did not take the request. */
const isRefused = ({ status, isOpen }: Call) => status !== null && status >= 400 && !isOpen;

/** An order has the user, the units and the price of a press that nobody was told is refused. */
export function ordersAreAsked({ calls, dump }: Evidence): string[] {
  const presses = Map.groupBy(
    calls.filter(({ name }) => name === 'press'),
    ({ requestId = '' }) => requestId,
  );
  const prices = new Map(dump.skus.map(({ sku, goods, price }) => [sku, { goods, price }]));
  const served = new Set(dump.waiting.map(({ order_no: orderNo }) => orderNo));
  return dump.orders.flatMap((order) => {
    const { order_no: orderNo, sku, user_id: user, units, amount } = order;
    const { goods, price } = prices.get(sku) ?? {};
    const found: string[] = [];
    // The amount of a packet is drawn.
    if (goods !== 'amounts' && Number(amount) !== Number(units) * Number(price)) {
      found.push(`order ${orderNo}: ${units} of ${sku} for ${amount}, one costs ${price}`);
    }
    // The shop itself makes the request of a place in the waitlist.
    if (served.has(orderNo)) return found;
    const own = presses.get(order.request_id) ?? [];
    const isWanted = own.some(
      (press) => press.who === user && press.sku === sku && press.quantity === Number(units),
    );
    if (!isWanted) found.push(`order ${orderNo}: ${user} did not ask for ${units} of ${sku}`);
    else if (own.every(isRefused)) {
      const told = own.map(({ verdict, at }) => `${verdict} at ${at} ms`).join(', ');
      found.push(`order ${orderNo} of ${user}, who was told: ${told}`);
    }
    return found;
  });
}
