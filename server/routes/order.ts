import type { Static } from 'typebox';
import type { OrderRow } from '../../db/calls.ts';
import type { RequestStatus } from '../requests/status.ts';
import type { Order, RequestAnswer } from './schemas.ts';

/** An order as shoppers see it. */
export function orderJson(order: OrderRow): Static<typeof Order> {
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

export function requestJson(status: RequestStatus): Static<typeof RequestAnswer> {
  const { requestId, reason, order } = status;
  return {
    requestId,
    status: status.status,
    ...(order !== undefined && { order: orderJson(order) }),
    ...(reason !== undefined && { reason }),
  };
}
