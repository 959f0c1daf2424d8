import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { installationOf, keepCheckout, liveCheckout, orderDetails } from '../../db/calls.ts';
import { PaymentError } from '../../payment/provider.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problems.ts';
import { CheckoutAnswer, OrderParams, problems } from '../schemas.ts';

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
      // The shop takes payments elsewhere; only the callback comes here.
      if (payments.kind === 'standard') throw new Problem('not_found');
      if (order.status !== 'ordered' || order.payBefore.getTime() <= catalogue.nowMs()) {
        throw ended();
      }
      const { url, nextAttempt: attempt } = await liveCheckout(databases, orderNo);
      if (url !== undefined) return { method: 'GET' as const, url };
      const title = catalogue.sku(order.sku)?.title ?? order.sku;
      const installation = await installationOf(databases, orderNo);
      const begun = await payments.provider
        .begin({ ...order, title, installation, attempt })
        .catch((error: unknown) => {
          if (!(error instanceof PaymentError)) throw error;
          log.warn({ err: error, orderNo }, 'the payment provider did not begin');
          throw new Problem(error.isTransient ? 'overloaded' : 'internal_error');
        });
      const { method, session } = begun;
      if (session === undefined) return { method, url: begun.url };
      const kept = await keepCheckout(databases, orderNo, session);
      if (kept === undefined) throw ended();
      return { method, url: kept };
    },
  );
};

function ended(): Problem {
  return new Problem('not_allowed_now', { detail: 'The order cannot be paid any more' });
}
