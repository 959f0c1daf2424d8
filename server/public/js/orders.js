// @ts-check
/** Facts that the page derives from a shopper's orders. Pure. */

/**
 * @typedef {object} Order
 * @property {string} orderNo
 * @property {string} requestId
 * @property {string} sale
 * @property {string} sku
 * @property {number} quantity
 * @property {string} amount decimal string
 * @property {string} currency
 * @property {string} status
 * @property {string} createdAt
 * @property {string | null} [payBefore]
 * @property {string} [reason] why the shop cancelled it
 * @property {Refund} [refund]
 * @property {{ amount: string, currency: string }} [packet] what was drawn from a pot of money
 * @property {readonly { row?: string, seat: string }[]} [units] of numbered goods: the seats or serial numbers
 *
 * @typedef {object} Refund of a payment that the order cannot use
 * @property {'due' | 'done'} status
 * @property {string} amount decimal string
 * @property {string} [currency] if it differs from the currency of the order
 * @property {string} [at] when it was returned
 */

/** Statuses after which the shopper has nothing left to do. */
const ENDED = new Set(['paid', 'cancelled', 'expired', 'refund_due', 'refunded']);
/** Statuses whose units were given back. They do not count against the shopper's limit. */
const RETURNED = new Set(['cancelled', 'expired', 'refund_due', 'refunded']);

/** @param {Order} order */
export function awaitsPayment(order) {
  return !ENDED.has(order.status);
}

/**
 * Whether the order is paid and the shop ends it: its sale was called off, or its money is on the way
 * back.
 * @param {Order} order
 * @param {string | null} calledOff the sale of the page, if it was called off
 */
export function awaitsRefund(order, calledOff) {
  const isPaid = order.status === 'paid' && order.sale === calledOff;
  return isPaid || order.refund?.status === 'due';
}

/**
 * Milliseconds left to pay; 0 or less when the time is over.
 * @param {Order} order
 * @param {number} serverNowMs
 */
export function payLeftMs(order, serverNowMs) {
  return order.payBefore ? Date.parse(order.payBefore) - serverNowMs : Number.POSITIVE_INFINITY;
}

/**
 * Units of a SKU that count against the limit.
 * @param {readonly Order[]} orders
 * @param {string} sku
 */
export function unitsHeld(orders, sku) {
  return orders
    .filter((order) => order.sku === sku && !RETURNED.has(order.status))
    .reduce((sum, order) => sum + order.quantity, 0);
}

/**
 * What the shopper has drawn from a pot of money; undefined if it is none, or nothing was drawn.
 * @param {readonly Order[]} orders
 * @param {string} sku
 */
export function packetOf(orders, sku) {
  return orders.find((order) => order.sku === sku && !RETURNED.has(order.status))?.packet;
}

/**
 * Returns all orders, newest first. An order that has ended stays ended: a fresh list may come from a
 * cache that is older than what the page knows already.
 * @param {readonly Order[]} known
 * @param {readonly Order[]} fresh
 * @returns {Order[]}
 */
export function mergeOrders(known, fresh) {
  const byNo = new Map(known.map((order) => [order.orderNo, order]));
  for (const order of fresh) {
    const old = byNo.get(order.orderNo);
    if (old === undefined || awaitsPayment(old) || !awaitsPayment(order)) {
      byNo.set(order.orderNo, order);
    }
  }
  return [...byNo.values()].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}
