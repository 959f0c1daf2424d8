import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { orderDetails } from '../../db/calls.ts';
import { PaymentError } from '../../payment/provider.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problems.ts';
import { CheckoutAnswer, OrderParams, problems } from './schemas.ts';

/** Where the shopper goes to pay: a page of the provider, or the demo's own call. */
export const checkoutRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { catalogue, databases, log, payments } = context;
  app.post(
    '/api/v1/orders/:orderNo/checkout',
    {
      // The provider counts calls of the whole shop: one user shall not use them up.
      onRequest: guards(context).user,
      preHandler: guards(context).unblocked,
      schema: {
        summary: 'Where I pay my order; asking again leads to the same place',
        security: [{ bearer: [] }],
        params: OrderParams,
        response: { 200: CheckoutAnswer, ...problems(400, 401, 403, 404, 409, 429, 500, 503) },
      },
    },
    async ({ params: { orderNo }, userId }) => {
      const order = await orderDetails(databases, orderNo);
      if (order === undefined || order.userId !== userId) throw new Problem('not_found');
      if (payments.checkout === undefined) throw new Problem('not_found');
      if (order.status !== 'ordered' || order.payBefore.getTime() <= catalogue.nowMs()) {
        throw new Problem('not_allowed_now', { detail: 'The order cannot be paid any more' });
      }
      const title = catalogue.sku(order.sku)?.title ?? order.sku;
      try {
        return await payments.checkout.begin({ ...order, title });
      } catch (error) {
        if (!(error instanceof PaymentError)) throw error;
        log.warn({ err: error, orderNo }, 'the payment provider did not begin');
        throw new Problem(error.isTransient ? 'overloaded' : 'internal_error');
      }
    },
  );
};
