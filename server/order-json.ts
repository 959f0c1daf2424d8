import type { Static } from 'typebox';
import type { Order as OrderRecord, Refund } from '../db/calls.ts';
import type { Order } from './schemas.ts';

/** An order as shoppers see it. */
export function orderJson(order: OrderRecord): Static<typeof Order> {
  return {
    orderNo: order.orderNo,
    requestId: order.requestId,
    sale: order.sale,
    sku: order.sku,
    quantity: order.units,
    amount: order.amount,
    currency: order.currency,
    status: order.status,
    createdAt: order.createdAt.toISOString(),
    payBefore: order.payBefore.toISOString(),
    ...refundJson(order.refund, order.currency),
  };
}

/** What a shopper is told of money that goes back. */
export function refundJson(
  refund: Refund | null | undefined,
  orderCurrency: string,
): Pick<Static<typeof Order>, 'refund'> {
  if (!refund) return {};
  const { status, amount, currency, at } = refund;
  const isForeign = currency !== orderCurrency;
  return {
    refund: {
      status,
      amount,
      ...(isForeign && { currency }),
      ...(at !== null && { at: at.toISOString() }),
    },
  };
}
