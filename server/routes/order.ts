import type { Static } from 'typebox';
import type { Order as OrderRecord, RequestOutcome } from '../../db/calls.ts';
import type { RequestStatus } from '../requests/status.ts';
import type { Order, RequestAnswer } from './schemas.ts';

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

export function requestJson(status: RequestStatus): Static<typeof RequestAnswer> {
  const { requestId, reason, outcome } = status;
  const order = outcome && orderOf(outcome);
  return {
    requestId,
    status: status.status,
    ...(order !== undefined && { order }),
    ...(reason !== undefined && { reason }),
  };
}

/** An order and the outcome of its request come into being in the same transaction. */
function orderOf(outcome: RequestOutcome): Static<typeof Order> | undefined {
  const { orderNo, amount, currency, payBefore, decidedAt } = outcome;
  if (orderNo === null || amount === null || currency === null || payBefore === null) {
    return undefined;
  }
  return {
    orderNo,
    requestId: outcome.requestId,
    sale: outcome.sale,
    sku: outcome.sku,
    quantity: outcome.units,
    amount,
    currency,
    status: outcome.status,
    createdAt: decidedAt.toISOString(),
    payBefore: payBefore.toISOString(),
  };
}
