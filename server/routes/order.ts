import type { Static } from 'typebox';
import type { Order as OrderRecord } from '../../db/calls.ts';
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
  };
}
