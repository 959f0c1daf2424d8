import { type Order, orderDetails } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { Problem } from '../http/problems.ts';

/** Reads an order of the user. An order of another user is reported as not found. @throws {Problem} */
export async function ownOrder(
  databases: Databases,
  orderNo: string,
  userId: string,
): Promise<Order> {
  const order = await orderDetails(databases, orderNo);
  if (order === undefined || order.userId !== userId) throw new Problem('not_found');
  return order;
}
