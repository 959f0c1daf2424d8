import type { Static } from '../../contracts/schema-types.ts';
import type { NumberedUnit } from '../../contracts/seats.ts';
import type { Refund, ShopReason } from '../../db/calls.ts';
import type { Order } from './schemas.ts';

type OrderAnswer = Static<typeof Order>;

/** An order from the database or from the verdict that was pushed. */
interface OrderFacts
  extends Omit<
    OrderAnswer,
    'quantity' | 'createdAt' | 'payBefore' | 'reason' | 'refund' | 'packet' | 'units'
  > {
  readonly units: number;
  readonly createdAt: Date | string;
  readonly payBefore: Date | string;
  /** Of an order that the shop cancelled, a ShopReason. */
  readonly reason?: string | null;
  readonly refund?: Refund | null;
  /** Of amounts, in the currency of the order. */
  readonly packet?: string | undefined;
  /** Of numbered goods. */
  readonly seats?: readonly NumberedUnit[] | undefined;
}

/** The JSON of an order, the same in every answer to shoppers. */
export function orderJson(order: OrderFacts): OrderAnswer {
  const { reason, status, packet, seats, currency } = order;
  const isCancelled = status === 'cancelled' && reason != null;
  return {
    orderNo: order.orderNo,
    requestId: order.requestId,
    sale: order.sale,
    sku: order.sku,
    quantity: order.units,
    amount: order.amount,
    currency,
    status,
    createdAt: timeJson(order.createdAt),
    payBefore: timeJson(order.payBefore),
    ...(isCancelled && { reason: reason as ShopReason }),
    ...refundJson(order.refund, currency),
    ...(packet !== undefined && { packet: { amount: packet, currency } }),
    ...(seats !== undefined && { units: [...seats] }),
  };
}

function timeJson(time: Date | string): string {
  return typeof time === 'string' ? time : time.toISOString();
}

/** The part of the answer about a refund. */
export function refundJson(
  refund: Refund | null | undefined,
  orderCurrency: string,
): Pick<OrderAnswer, 'refund'> {
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
