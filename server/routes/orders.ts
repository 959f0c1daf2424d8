import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { decodeCursor, encodeCursor, type Position } from '../../contracts/cursor.ts';
import { cancelOrder, userOrders } from '../../db/calls.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { orderJson } from '../http/order-json.ts';
import { Problem } from '../http/problems.ts';
import { Order, OrderList, OrderParams, OrdersQuery, problems } from '../http/schemas.ts';
import { FIRST_PAGE_ORDERS } from '../orders/order-pages.ts';
import { ownOrder } from '../orders/own-order.ts';

/** A shopper's own orders. */
export const orderRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, orderPages } = context;
  const onRequest = guards(context).owner;
  const security = [{ bearer: [] }];

  app.get(
    '/api/v1/orders',
    {
      onRequest,
      schema: {
        summary: 'My orders, newest first',
        security,
        querystring: OrdersQuery,
        response: { 200: OrderList, ...problems(400, 401, 429, 503) },
      },
    },
    async ({ userId, query }, reply) => {
      const { limit, cursor } = query;
      const { orders, next, missing } =
        limit === undefined && cursor === undefined
          ? await orderPages.first(userId)
          : await userOrders(databases, userId, {
              limit: limit ?? FIRST_PAGE_ORDERS,
              after: cursor === undefined ? undefined : positionOf(cursor, userId),
            });
      if (next !== undefined) {
        const page = new URLSearchParams({ cursor: encodeCursor(listingOf(userId), next) });
        if (limit !== undefined) page.set('limit', String(limit));
        reply.header('link', `</api/v1/orders?${page}>; rel="next"`);
      }
      return reply.header('cache-control', 'private, no-cache').send({
        orders: orders.map(orderJson),
        ...(missing.length > 0 && { incomplete: [...missing] }),
      });
    },
  );

  app.get(
    '/api/v1/orders/:orderNo',
    {
      onRequest,
      schema: {
        summary: 'One of my orders',
        security,
        params: OrderParams,
        response: { 200: Order, ...problems(400, 401, 404, 429, 503) },
      },
    },
    async ({ params, userId }) => orderJson(await ownOrder(databases, params.orderNo, userId)),
  );

  app.post(
    '/api/v1/orders/:orderNo/cancel',
    {
      onRequest,
      schema: {
        summary: 'Cancel my unpaid order; its units go back on sale',
        security,
        params: OrderParams,
        response: { 200: Order, ...problems(400, 401, 404, 409, 429, 503) },
      },
    },
    async ({ params, userId }) => {
      await ownOrder(databases, params.orderNo, userId);
      const result = await cancelOrder(databases, params.orderNo, userId);
      orderPages.forget(userId);
      const order = await ownOrder(databases, params.orderNo, userId);
      // Cancelling twice has the same result as once. A paid or expired order does not change.
      if (result !== 'cancelled' && order.status !== 'cancelled') {
        throw new Problem('not_allowed_now', { detail: `The order is ${order.status}` });
      }
      return orderJson(order);
    },
  );
};

const listingOf = (userId: string) => `orders of ${userId}`;

/** @throws {Problem} bad_request */
function positionOf(cursor: string, userId: string): Position {
  const position = decodeCursor(listingOf(userId), cursor);
  if (position === undefined) {
    const detail = 'The cursor is none of this listing; begin again without one';
    throw new Problem('bad_request', { detail });
  }
  return position;
}
