import {
  type Action,
  actionsOn,
  type Order,
  type OrderPayment,
  orderDetails,
  orderPayments,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';

/** One order with all records of it. */
export interface OrderStory {
  readonly order: Order;
  /** In the order in which they came. */
  readonly payments: readonly OrderPayment[];
  /** Actions of people on the order, the newest first. */
  readonly actions: readonly Action[];
}

/** Reads one order with its payments, its refunds and what people did to it; undefined: no such order. */
export async function storyOfOrder(
  databases: Databases,
  orderNo: string,
): Promise<OrderStory | undefined> {
  const order = await orderDetails(databases, orderNo);
  if (order === undefined) return undefined;
  const [payments, actions] = await Promise.all([
    orderPayments(databases, orderNo),
    actionsOn(databases, { target: orderNo, sale: order.sale }),
  ]);
  return { order, payments, actions: actions.rows };
}
